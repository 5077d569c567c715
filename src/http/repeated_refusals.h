// How long the answer to a client that does not wait is held back.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/clock.h"

namespace weir::http {

// Of one connection. A client that sends the same request again as soon as it was refused gets its further refusals
// later and later, so that many of them leave the processor to those who are answered. Confined to the connection's
// thread.
class RepeatedRefusals {
 public:
  // Notes an answer, `refused` or not, to a request of this hash; returns how long it is to be held back.
  Duration Note(bool refused, std::size_t request, TimePoint now) {
    const bool again = refused && times_ > 0 && request == request_ && now - answered_ < kAtOnce;
    times_ = !refused ? 0 : again ? times_ + 1 : 1;
    request_ = request;
    Duration hold{};
    if (times_ > kPatience) hold = std::min(kFirst * (1U << std::min(times_ - kPatience - 1, 10U)), kLongest);
    answered_ = now + hold;
    return hold;
  }

 private:
  // What comes so soon after its refusal was not waited with.
  static constexpr Duration kAtOnce = std::chrono::milliseconds(5);
  static constexpr unsigned kPatience = 3;
  static constexpr Duration kFirst = std::chrono::milliseconds(10);
  static constexpr Duration kLongest = std::chrono::milliseconds(250);

  unsigned times_ = 0;
  std::size_t request_ = 0;
  TimePoint answered_{};
};

}  // namespace weir::http
