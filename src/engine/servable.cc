#include "engine/servable.h"

namespace weir {

Result<LoadPlan> ServableLoader::Plan(const std::string&) { return LoadPlan(); }

Result<std::string> ServableLoader::ChooseDevice(const std::string&) { return kCpu; }

Result<std::shared_ptr<const Servable>> ServableLoader::LoadOn(const std::string& reference, const std::string&) {
  return Load(reference);
}

}  // namespace weir
