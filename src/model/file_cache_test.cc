#include "model/file_cache.h"

#include <fstream>

#include "base/test_folder.h"

namespace weir {
namespace {

using StringCache = FileCache<std::string>;

Result<std::shared_ptr<const std::string>> ReadWhole(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return std::make_shared<const std::string>(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
}

TEST(FileCache, GivesOneObjectForAllPathsToOneFile) {
  const TestFolder folder;
  folder.Write("a", "content");
  std::filesystem::create_symlink("a", folder.path() / "link");
  std::filesystem::create_hard_link(folder.path() / "a", folder.path() / "hard");
  StringCache cache;
  const auto first = cache.Get(folder.path() / "a", ReadWhole);
  ASSERT_TRUE(first);
  EXPECT_EQ(*cache.Get(folder.path() / "link", ReadWhole), *first);
  EXPECT_EQ(*cache.Get(folder.path() / "hard", ReadWhole), *first);
}

TEST(FileCache, ReadsAFileAgainOnceNobodyHoldsItOrItHasChanged) {
  const TestFolder folder;
  folder.Write("a", "one");
  int reads = 0;
  const auto read = [&](const std::filesystem::path& file) { return ++reads, ReadWhole(file); };
  StringCache cache;
  ASSERT_TRUE(cache.Get(folder.path() / "a", read));  // dropped at once
  const auto held = cache.Get(folder.path() / "a", read);
  EXPECT_EQ(reads, 2);
  folder.Write("a", "another");
  EXPECT_EQ(**cache.Get(folder.path() / "a", read), "another");
  EXPECT_EQ(**held, "one");
}

TEST(FileCache, LetsTheSecondCallerWaitForTheFirstOnesWork) {
  const TestFolder folder;
  folder.Write("a", "content");
  StringCache cache;
  std::latch inside(1);
  std::latch may_go_on(1);
  std::atomic<int> reads = 0;
  const auto slow = [&](const std::filesystem::path& file) {
    ++reads;
    inside.count_down();
    may_go_on.wait();
    return ReadWhole(file);
  };
  auto first = std::async(std::launch::async, [&] { return cache.Get(folder.path() / "a", slow); });
  inside.wait();
  auto second = std::async(std::launch::async, [&] { return cache.Get(folder.path() / "a", slow); });
  may_go_on.count_down();
  EXPECT_EQ(*first.get(), *second.get());
  EXPECT_EQ(reads, 1);
}

TEST(FileCache, SaysWhichFileIsMissing) {
  StringCache cache;
  const auto missing = cache.Get("/no/such/file", ReadWhole);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_THAT(missing.error().message, ::testing::StartsWith("/no/such/file: "));
}

}  // namespace
}  // namespace weir
