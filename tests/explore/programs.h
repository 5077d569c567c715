// The programs that are explored.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "explore/world.h"

namespace weir::explore {

#if defined(WEIR_SANITIZED)
inline constexpr bool kSanitized = true;  // ten times slower
#else
inline constexpr bool kSanitized = false;
#endif

inline constexpr std::initializer_list<Call> kMainCalls = {Call::kLoad, Call::kUnload, Call::kCancel, Call::kRequest,
                                                           Call::kExpire};
inline constexpr std::initializer_list<Call> kAllCalls = {Call::kLoad,   Call::kReload,  Call::kUnload,
                                                          Call::kCancel, Call::kRequest, Call::kAbandon,
                                                          Call::kExpire, Call::kTimeOut};

inline std::vector<Program> OneCallEach(std::initializer_list<Call> calls, bool may_fail = false) {
  std::vector<Program> programs;
  for (const bool served : {false, true}) {
    for (const Call one : calls) {
      for (const Call other : calls) {
        if (one <= other) programs.push_back({.served = served, .may_fail = may_fail, .callers = {{one}, {other}}});
      }
    }
  }
  return programs;
}

inline std::vector<Program> TwoCallsAndOne(std::initializer_list<Call> calls) {
  std::vector<Program> programs;
  for (const bool served : {false, true}) {
    for (const Call first : calls) {
      for (const Call second : calls) {
        for (const Call other : calls) programs.push_back({.served = served, .callers = {{first, second}, {other}}});
      }
    }
  }
  return programs;
}

inline std::vector<Program> TwoCallsEach(std::initializer_list<Call> calls) {
  std::vector<Program> programs;
  for (const Program& three : TwoCallsAndOne(calls)) {
    for (const Call last : calls) {
      const Call one = three.callers[0][0], two = three.callers[0][1], other = three.callers[1][0];
      if (std::pair(one, two) > std::pair(other, last)) continue;
      programs.push_back({.served = three.served, .callers = {{one, two}, {other, last}}});
    }
  }
  return programs;
}

inline std::string Describe(const Program& program, const Finding& finding) {
  std::string text = fmt::format("{}\n{}", ProgramName(program), finding.what);
  for (const std::string& event : finding.events) text += "\n  " + event;
  return text;
}

}  // namespace weir::explore
