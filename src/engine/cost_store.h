// Where measured costs are kept between two starts.
#pragma once

#include <optional>
#include <string>

#include "engine/cost_model.h"

namespace weir {

// Implemented above the engine (app/profile_store.h), which knows files. Thread-safe; may block.
class CostStore {
 public:
  virtual ~CostStore() = default;
  // What was measured for this very model on this very machine; nullopt when nothing was.
  virtual std::optional<CostTable> Find(const std::string& model) = 0;
  virtual void Keep(const std::string& model, const CostTable& table) = 0;
};

}  // namespace weir
