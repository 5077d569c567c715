// What random operations did to a server, as JSON and as a table.
#pragma once

#include <string>

#include "load/churn.h"
#include "load/report.h"
#include "load/table.h"

namespace weir::load {

// `facts` say where; the keys are described in docs/bench-command.md.
std::string WriteChurn(const Report& facts, const ChurnPlan& plan, const ChurnResult& result);
std::string ChurnTable(const Report& facts, const ChurnPlan& plan, const ChurnResult& result, const TextStyle& style);

}  // namespace weir::load
