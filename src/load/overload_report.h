// An overload measurement as JSON and as a table.
#pragma once

#include <string>

#include "load/overload.h"
#include "load/report.h"
#include "load/table.h"

namespace weir::load {

// `facts` say where and what: its load and summary are not used. The keys are described in docs/bench-command.md.
std::string WriteOverload(const Report& facts, const OverloadPlan& plan, const OverloadResult& result);
// A column for each part.
std::string OverloadTable(const Report& facts, const OverloadPlan& plan, const OverloadResult& result,
                          const TextStyle& style);
// One line without its end.
std::string OverloadLine(const OverloadView::Now& now, const TextStyle& style);

}  // namespace weir::load
