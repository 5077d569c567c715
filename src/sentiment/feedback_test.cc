#include "sentiment/feedback.h"

#include "base/test_folder.h"

namespace weir::sentiment {
namespace {

Feedback Of(const std::string& id) { return {.prediction_id = id, .corrected_label = "POSITIVE"}; }

TEST(FeedbackStore, KeepsWhatItHasTakenWhenItIsOpenedAgain) {
  const TestFolder folder;
  const std::filesystem::path file = folder.path() / "deep" / "feedback.db";
  {
    const auto store = FeedbackStore::Open(file, 100);
    ASSERT_TRUE(store) << store.error().message;
    Feedback whole = Of("a");
    whole.text = "it's \"fine\" 🦜";
    whole.score = 0.25;
    whole.user_id = "somebody";
    whole.comments = "";
    EXPECT_TRUE((*store)->Add(whole));
    EXPECT_TRUE((*store)->Add(Of("b")));
  }
  const auto again = FeedbackStore::Open(file, 100);
  ASSERT_TRUE(again);
  const auto all = (*again)->Find(std::nullopt, 10);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].prediction_id, "b");  // the newest first
  EXPECT_EQ((*all)[0].text, std::nullopt);
  EXPECT_EQ((*all)[1].text, "it's \"fine\" 🦜");
  EXPECT_EQ((*all)[1].score, 0.25);
  EXPECT_EQ((*all)[1].comments, "");
  EXPECT_EQ((*again)->Find("a", 10)->size(), 1U);
  EXPECT_EQ((*again)->Find("'; DROP TABLE feedback; --", 10)->size(), 0U);
  EXPECT_EQ((*again)->Find(std::nullopt, 1)->size(), 1U);
}

TEST(FeedbackStore, ForgetsTheOldestOverItsBound) {
  const TestFolder folder;
  const auto store = FeedbackStore::Open(folder.path() / "feedback.db", 3);
  for (const char* id : {"a", "b", "c", "d", "e"}) ASSERT_TRUE((*store)->Add(Of(id)));
  const auto all = (*store)->Find(std::nullopt, 10);
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ(all->back().prediction_id, "c");
}

TEST(FeedbackStore, SaysWhichFileItCannotOpen) {
  const auto store = FeedbackStore::Open("/proc/no/feedback.db", 3);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kUnavailable);
  EXPECT_THAT(store.error().message, ::testing::HasSubstr("/proc/no/feedback.db"));
}

}  // namespace
}  // namespace weir::sentiment
