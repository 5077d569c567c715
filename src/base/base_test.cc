#include <set>

#include "base/clock.h"
#include "base/fake_clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"

namespace weir {
namespace {

using std::chrono::seconds;

TEST(Deadline, NeverDoesNotExpire) {
  const FakeClock clock;
  EXPECT_FALSE(Deadline::Never().Expired(clock.Now()));
  EXPECT_EQ(Deadline::Never().Remaining(clock.Now()), Duration::max());
}

TEST(Deadline, ExpiresAtItsMomentAndNotBefore) {
  FakeClock clock;
  const Deadline deadline = Deadline::After(clock, seconds(2));
  clock.Advance(seconds(1));
  EXPECT_FALSE(deadline.Expired(clock.Now()));
  EXPECT_EQ(deadline.Remaining(clock.Now()), seconds(1));
  clock.Advance(seconds(1));
  EXPECT_TRUE(deadline.Expired(clock.Now()));
  EXPECT_EQ(deadline.Remaining(clock.Now()), Duration::zero());
}

TEST(Result, CarriesCodeMessageAndField) {
  const Result<int> result = InvalidArgument("wrong", "input[3]");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kInvalidArgument);
  EXPECT_EQ(result.error().message, "wrong");
  EXPECT_EQ(result.error().field, "input[3]");
}

TEST(Result, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Code::kInternal); ++code) names.insert(CodeName(static_cast<Code>(code)));
  EXPECT_EQ(names.size(), 12U);
}

TEST(TraceId, IsThirtyTwoHexDigitsAndNewEachTime) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewTraceId();
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(Log, TakesKnownLevelsOnly) {
  EXPECT_FALSE(log::SetLevel("loud"));
  EXPECT_TRUE(log::SetLevel("error"));
  EXPECT_FALSE(log::Enabled(log::Level::kInfo));
  EXPECT_TRUE(log::Enabled(log::Level::kError));
  EXPECT_TRUE(log::SetLevel("info"));
}

}  // namespace
}  // namespace weir
