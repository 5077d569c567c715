#include "model/model.h"

namespace weir {
namespace {

int IndexOf(const std::vector<TensorSpec>& specs, std::string_view name) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

int Manifest::InputIndex(std::string_view name) const { return IndexOf(inputs, name); }
int Manifest::OutputIndex(std::string_view name) const { return IndexOf(outputs, name); }

}  // namespace weir
