// The life of a model, and the moves that are legal in it.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

//   Absent -> Loading -> Ready -> Draining -> Absent
//             Loading -> Failed | Absent (given up);   Failed -> Loading | Absent (unloaded)
enum class ModelState : std::uint8_t { kAbsent, kLoading, kReady, kDraining, kFailed };

std::string_view ModelStateName(ModelState state);  // "loading"
bool MayMove(ModelState from, ModelState to);

}  // namespace weir
