#include "engine/model_state.h"

namespace weir {

std::string_view ModelStateName(ModelState state) {
  switch (state) {
    case ModelState::kAbsent: return "absent";
    case ModelState::kLoading: return "loading";
    case ModelState::kReady: return "ready";
    case ModelState::kDraining: return "draining";
    case ModelState::kFailed: return "failed";
  }
  return "absent";
}

bool MayMove(ModelState from, ModelState to) {
  switch (from) {
    case ModelState::kAbsent: return to == ModelState::kLoading;
    case ModelState::kLoading:
      return to == ModelState::kReady || to == ModelState::kFailed || to == ModelState::kAbsent;
    case ModelState::kReady: return to == ModelState::kDraining;
    case ModelState::kDraining: return to == ModelState::kAbsent;
    case ModelState::kFailed: return to == ModelState::kLoading || to == ModelState::kAbsent;
  }
  return false;
}

}  // namespace weir
