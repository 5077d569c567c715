#include "cli/pull_progress.h"

namespace weir::cli {
namespace {

TEST(BytesText, ChoosesTheUnit) {
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(1'500), "1.5 kB");
  EXPECT_EQ(BytesText(90'302'433), "90.3 MB");
  EXPECT_EQ(BytesText(1'230'000'000), "1.23 GB");
}

TEST(TimeLeftText, ShowsMinutesAndHours) {
  EXPECT_EQ(TimeLeftText(std::chrono::seconds(7)), "0:07");
  EXPECT_EQ(TimeLeftText(std::chrono::seconds(62)), "1:02");
  EXPECT_EQ(TimeLeftText(std::chrono::seconds(3753)), "1:02:33");
}

}  // namespace
}  // namespace weir::cli
