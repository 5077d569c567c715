#include "load/process_usage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>

namespace weir::load {
namespace {

TEST(ProcessUsage, TellsOfThisProcess) {
  const Result<double> bytes = ResidentBytesOf(getpid());
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_GT(*bytes, 1e5);
  // The kernel's ticks are 10 ms; both look at the same clock.
  const double before = OwnCpuSeconds();
  const Result<double> seconds = CpuSecondsOf(getpid());
  ASSERT_TRUE(seconds) << seconds.error().message;
  EXPECT_NEAR(*seconds, before, 0.1);
}

TEST(ProcessUsage, NamesTheProcessThatIsNotThere) {
  constexpr pid_t kNobody = std::numeric_limits<pid_t>::max();
  for (const Result<double>& result : {CpuSecondsOf(kNobody), ResidentBytesOf(kNobody)}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kNotFound);
    EXPECT_NE(result.error().message.find("2147483647"), std::string::npos);
  }
}

}  // namespace
}  // namespace weir::load
