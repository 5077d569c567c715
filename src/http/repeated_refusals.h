// How long the answer to a client that does not wait is held back.
#pragma once

#include <algorithm>
#include <cstddef>

#include "base/clock.h"

namespace weir::http {

// How many refusals the connections of one I/O thread send. Confined to that thread.
class RefusalRate {
 public:
  // Notes one; true while there are so many that they cost a noticeable part of a core.
  bool Note(TimePoint now) {
    if (now - start_ >= kWindow) {
      before_ = now - start_ < 2 * kWindow ? count_ : 0;
      count_ = 0;
      start_ = now;
    }
    ++count_;
    return std::max(count_, before_) >= kMany;
  }

 private:
  static constexpr Duration kWindow = std::chrono::milliseconds(100);
  static constexpr std::size_t kMany = 1000;  // about 15 us each

  TimePoint start_{};
  std::size_t count_ = 0;
  std::size_t before_ = 0;  // in the window before
};

// Of one connection. While refusals are many, a client that sends its next request as soon as it was refused gets
// further refusals later and later, so that such clients leave the processor to those who are answered. Confined to the
// connection's thread.
class RepeatedRefusals {
 public:
  explicit RepeatedRefusals(RefusalRate& rate) : rate_(rate) {}

  // Notes an answer; returns how long it is to be held back.
  Duration Note(bool refused, TimePoint now) {
    if (!refused) {
      times_ = 0;
      holds_ = 0;
      return {};
    }
    const bool many = rate_.Note(now);
    const bool again = times_ > 0 && now - answered_ < kAtOnce;
    times_ = again ? times_ + 1 : 1;
    if (!again) holds_ = 0;
    Duration hold{};
    if (times_ > kPatience && (many || holds_ > 0)) hold = std::min(kFirst * (1U << std::min(holds_++, 10U)), kLongest);
    answered_ = now + hold;
    return hold;
  }

 private:
  // What comes so soon after a refusal was not waited with.
  static constexpr Duration kAtOnce = std::chrono::milliseconds(5);
  static constexpr unsigned kPatience = 3;
  static constexpr Duration kFirst = std::chrono::milliseconds(10);
  static constexpr Duration kLongest = std::chrono::milliseconds(250);

  RefusalRate& rate_;
  unsigned times_ = 0;  // one after the other
  unsigned holds_ = 0;  // of them
  TimePoint answered_{};
};

}  // namespace weir::http
