// The file in which measured costs are kept.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/cost_model.h"

namespace weir::codec {

// A table with what it holds for.
struct CostFile {
  std::string machine;
  std::string model;
  CostTable table;
};

// {"machine":…,"model":…,"batches":[1,2,…],"lengths":[8,16,…],"seconds":[[…],…]}: a row of seconds for each batch;
// 0 = not measured.
std::string WriteCosts(const CostFile& file);
// kUnprocessable when it is anything else, or from a grid of other batches and lengths.
Result<CostFile> ParseCosts(std::string_view text);

}  // namespace weir::codec
