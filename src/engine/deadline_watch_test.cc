#include "engine/deadline_watch.h"

namespace weir {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(DeadlineWatch, SweepsWhenADeadlinePasses) {
  std::promise<TimePoint> swept;
  const Deadline deadline = Deadline::After(Clock::Steady(), milliseconds(5));
  DeadlineWatch watch([&](TimePoint now) { return swept.set_value(now), TimePoint::max(); });
  watch.Note(deadline);
  EXPECT_GE(swept.get_future().get(), deadline.at());
}

TEST(DeadlineWatch, AnEarlierDeadlineCutsTheSleepShort) {
  std::promise<void> swept;
  DeadlineWatch watch([&](TimePoint) { return swept.set_value(), TimePoint::max(); });
  watch.Note(Deadline::After(Clock::Steady(), hours(1)));
  watch.Note(Deadline::After(Clock::Steady(), milliseconds(1)));
  swept.get_future().get();
}

TEST(DeadlineWatch, SweepsAgainAtTheDeadlineThatTheSweepReturned) {
  std::latch twice(2);
  DeadlineWatch watch([&](TimePoint now) {
    twice.count_down();
    return twice.try_wait() ? TimePoint::max() : now + milliseconds(1);
  });
  watch.Note(Deadline::After(Clock::Steady(), milliseconds(1)));
  twice.wait();
}

TEST(DeadlineWatch, KeepsWhatIsNotedDuringASweep) {
  std::latch twice(2);
  DeadlineWatch* self = nullptr;
  DeadlineWatch watch([&](TimePoint) {
    self->Note(Deadline::After(Clock::Steady(), milliseconds(1)));
    if (!twice.try_wait()) twice.count_down();
    return TimePoint::max();
  });
  self = &watch;
  watch.Note(Deadline::After(Clock::Steady(), milliseconds(1)));
  twice.wait();
  watch.Stop();
}

TEST(DeadlineWatch, StopsWhileItSleeps) {
  DeadlineWatch watch([](TimePoint) { return TimePoint::max(); });
  watch.Note(Deadline::After(Clock::Steady(), hours(1)));
  watch.Stop();
}

}  // namespace
}  // namespace weir
