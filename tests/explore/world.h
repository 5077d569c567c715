// The engine's own code with one model, two callers and two workers, and what must hold of them at every moment.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/fake_clock.h"
#include "engine/registry.h"
#include "explore/scheduler.h"

namespace weir::explore {

// What a caller does. kExpire and kTimeOut let time pass (over the deadline of every job, drain and waiting caller;
// over the longest time that a load may take) and have what is late answered.
enum class Call { kLoad, kReload, kUnload, kCancel, kRequest, kAbandon, kExpire, kTimeOut };
std::string_view CallName(Call call);

// What the two callers do, one call after the other without waiting for the answers.
struct Program {
  bool served = false;    // the model serves already when they begin
  bool may_fail = false;  // each load may also fail
  std::vector<Call> callers[2];
};
std::string ProgramName(const Program& program);

// Runs the program in the schedule that the explorer has chosen, and checks, in every state in which no lock is held:
// - at most one load is under way that was not given up;
// - what was given up is never published, nor handed out; what was replaced is not published again;
// - no more runs at once than workers; no job is run that was cancelled, or late, while it was queued;
// - nobody is answered twice.
// And once nothing goes on any more: everybody is answered; no permit is out; nothing waits; the model's memory is
// back.
void RunProgram(const Program& program);

}  // namespace weir::explore
