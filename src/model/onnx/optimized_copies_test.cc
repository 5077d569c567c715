#include "model/onnx/optimized_copies.h"

#include "base/test_folder.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

class OptimizedCopiesTest : public ::testing::Test {
 protected:
  OptimizedCopiesTest() { folder_.Write("graph.onnx", "a graph"); }

  std::optional<fs::path> Find(const std::string& machine = "m") {
    return OptimizedCopies(Kept(), machine).FindOrMake(folder_.path() / "graph.onnx", [this](const fs::path& part) {
      ++written_;
      std::ofstream(part / OptimizedCopies::kGraph) << "optimised";
      return true;
    });
  }
  fs::path Kept() const { return folder_.path() / "kept"; }
  std::ptrdiff_t Count() const { return std::distance(fs::directory_iterator(Kept()), fs::directory_iterator()); }

  TestFolder folder_;
  int written_ = 0;
};

TEST_F(OptimizedCopiesTest, AreMadeOnceAndFoundAgain) {
  const auto copy = Find();
  ASSERT_TRUE(copy);
  EXPECT_TRUE(fs::exists(*copy / OptimizedCopies::kGraph));
  EXPECT_EQ(Find(), copy);
  EXPECT_EQ(written_, 1);
}

TEST_F(OptimizedCopiesTest, AreMadeAgainForAnotherGraphOrMachineAndTheOldOneGoes) {
  const auto first = Find();
  EXPECT_NE(Find("another"), first);
  folder_.Write("graph.onnx", "another graph");
  const auto third = Find();
  EXPECT_NE(third, first);
  EXPECT_EQ(written_, 3);
  EXPECT_EQ(Count(), 2);  // the other machine's stays
}

TEST_F(OptimizedCopiesTest, AGraphThatIsReplacedWhileItIsCopiedHasNoCopy) {
  const OptimizedCopies copies(Kept(), "m");
  EXPECT_FALSE(copies.FindOrMake(folder_.path() / "graph.onnx", [this](const fs::path& part) {
    std::ofstream(part / OptimizedCopies::kGraph) << "optimised";
    folder_.Write("graph.onnx", "a longer graph");
    return true;
  }));
  EXPECT_EQ(Count(), 0);
}

TEST_F(OptimizedCopiesTest, AFailedOneLeavesNothing) {
  const OptimizedCopies copies(Kept(), "m");
  EXPECT_FALSE(copies.FindOrMake(folder_.path() / "graph.onnx", [](const fs::path&) { return false; }));
  EXPECT_EQ(Count(), 0);
}

TEST_F(OptimizedCopiesTest, ADroppedOneIsMadeAgain) {
  const auto copy = Find();
  OptimizedCopies(Kept(), "m").Drop(*copy);
  EXPECT_TRUE(Find());
  EXPECT_EQ(written_, 2);
}

TEST_F(OptimizedCopiesTest, NoneAreKeptWithoutAFolderOrAGraph) {
  const auto never = [](const fs::path&) { return ADD_FAILURE(), true; };
  EXPECT_FALSE(OptimizedCopies({}, "m").FindOrMake(folder_.path() / "graph.onnx", never));
  EXPECT_FALSE(OptimizedCopies(Kept(), "m").FindOrMake(folder_.path() / "nothing.onnx", never));
}

}  // namespace
}  // namespace weir
