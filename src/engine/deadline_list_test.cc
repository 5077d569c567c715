#include "engine/deadline_list.h"

#include "base/fake_clock.h"

namespace weir {
namespace {

using std::chrono::seconds;

struct Counts final : Expires {
  void Expire(const Error&) override { ++expired; }
  int expired = 0;
};

TEST(DeadlineList, ExpiresWhatIsDueOnceAndTellsTheNextDeadline) {
  FakeClock clock;
  DeadlineList list;
  const auto early = std::make_shared<Counts>();
  const auto late = std::make_shared<Counts>();
  const auto late_entry = list.Add(Deadline::After(clock, seconds(5)), late);
  const auto early_entry = list.Add(Deadline::After(clock, seconds(1)), early);
  const TimePoint next = clock.Now() + seconds(5);
  clock.Advance(seconds(1));
  EXPECT_EQ(list.Expire(clock.Now()), next);
  EXPECT_EQ(list.Expire(clock.Now()), next);
  EXPECT_EQ(early->expired, 1);
  EXPECT_EQ(late->expired, 0);
}

TEST(DeadlineList, ForgetsWhatWasTakenOff) {
  FakeClock clock;
  DeadlineList list;
  const auto done = std::make_shared<Counts>();
  {
    const auto entry = list.Add(Deadline::After(clock, seconds(1)), done);
  }
  clock.Advance(seconds(2));
  EXPECT_EQ(list.Expire(clock.Now()), TimePoint::max());
  EXPECT_EQ(done->expired, 0);
}

TEST(DeadlineList, LeavesAloneWhatIsGone) {
  FakeClock clock;
  DeadlineList list;
  auto gone = std::make_shared<Counts>();
  const auto entry = list.Add(Deadline(clock.Now()), gone);
  gone = nullptr;
  list.Expire(clock.Now());
}

}  // namespace
}  // namespace weir
