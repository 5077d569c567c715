#include "hub/cache.h"

#include <latch>
#include <thread>

#include "base/test_folder.h"
#include "hub/checksum.h"
#include "hub/file_lock.h"
#include "hub/listing.h"
#include "hub/pause.h"

namespace weir::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kCommit(40, 'c');

TEST(RepositoryCache, LaysFilesOutAsTheHubsToolsDo) {
  const TestFolder folder;
  const RepositoryCache cache(folder.path(), "org/name");
  ASSERT_TRUE(cache.MakeFolders());
  folder.Write("models--org--name/blobs/etag1", "content");
  ASSERT_TRUE(cache.Link(kCommit, "onnx/model.onnx", "etag1"));
  const auto place = folder.path() / "models--org--name/snapshots" / kCommit / "onnx/model.onnx";
  EXPECT_EQ(std::filesystem::read_symlink(place), "../../../blobs/etag1");
  EXPECT_TRUE(cache.Has(kCommit, "onnx/model.onnx"));
  EXPECT_THAT(cache.Files(kCommit), ElementsAre("onnx/model.onnx"));
  EXPECT_THAT(cache.Files(std::string(40, 'd')), IsEmpty());
  EXPECT_EQ(RepositoryCache(folder.path(), "gpt2").folder(), folder.path() / "models--gpt2");
}

TEST(RepositoryCache, ReplacesALinkThatLeadsNowhere) {
  const TestFolder folder;
  const RepositoryCache cache(folder.path(), "org/name");
  ASSERT_TRUE(cache.MakeFolders());
  ASSERT_TRUE(cache.Link(kCommit, "a", "lost"));
  EXPECT_FALSE(cache.Has(kCommit, "a"));
  folder.Write("models--org--name/blobs/found", "content");
  ASSERT_TRUE(cache.Link(kCommit, "a", "found"));
  EXPECT_TRUE(cache.Has(kCommit, "a"));
}

TEST(RepositoryCache, RemembersWhereARevisionWas) {
  const TestFolder folder;
  const RepositoryCache cache(folder.path(), "org/name");
  ASSERT_TRUE(cache.MakeFolders());
  EXPECT_EQ(cache.CommitOf("main"), std::nullopt);
  EXPECT_EQ(cache.CommitOf(kCommit), kCommit);
  ASSERT_TRUE(cache.WriteRef("refs/pr/1", kCommit));
  EXPECT_EQ(cache.CommitOf("refs/pr/1"), kCommit);
  folder.Write("models--org--name/refs/main", "garbage");
  EXPECT_EQ(cache.CommitOf("main"), std::nullopt);
}

TEST(CheckContent, KnowsBothKindsOfSum) {
  const TestFolder folder;
  const auto file = folder.Write("hello", "hello\n");
  EXPECT_TRUE(CheckContent(file, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03", {}));
  EXPECT_TRUE(CheckContent(file, "ce013625030ba8dba906f756967f9e9ca394464a", {}));
  EXPECT_TRUE(CheckContent(file, "some-mirrors-own-etag", {})) << "says nothing of the content";
  EXPECT_THAT(CheckContent(file, std::string(64, '0'), {}).error().message, HasSubstr("SHA-256 is 5891b5b5"));
  EXPECT_THAT(CheckContent(file, std::string(40, '0'), {}).error().message, HasSubstr("git's id is ce013625"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(CheckContent(file, std::string(64, '0'), stop.get_token()).error().code, Code::kCancelled);
}

TEST(FileLock, LetsOneInAtATimeAndTellsTheOther) {
  const TestFolder folder;
  const auto file = folder.path() / "lock";
  std::optional<FileLock> first;
  first.emplace(*FileLock::Take(file, [] { FAIL(); }, {}));
  std::latch waiting(1);
  std::jthread second([&] { EXPECT_TRUE(FileLock::Take(file, [&] { waiting.count_down(); }, {})); });
  waiting.wait();
  first.reset();
}

TEST(FileLock, IsTakenAnewWhenItsHolderRemovedTheFile) {
  const TestFolder folder;
  const auto file = folder.path() / "lock";
  std::optional<FileLock> first;
  first.emplace(*FileLock::Take(file, [] {}, {}));
  std::latch waiting(1);
  std::jthread second([&] {
    const Result<FileLock> lock = FileLock::Take(file, [&] { waiting.count_down(); }, {});
    EXPECT_TRUE(lock);
    EXPECT_TRUE(std::filesystem::exists(file)) << "what is locked is what the next one finds";
  });
  waiting.wait();
  std::filesystem::remove(file);
  first.reset();
}

TEST(FileLock, StopsWaitingWhenTold) {
  const TestFolder folder;
  const Result<FileLock> first = FileLock::Take(folder.path() / "lock", [] {}, {});
  std::stop_source stop;
  const auto second = FileLock::Take(folder.path() / "lock", [&] { stop.request_stop(); }, stop.get_token());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kCancelled);
  EXPECT_THAT(FileLock::Take(folder.path() / "no/lock", [] {}, {}).error().message, HasSubstr("no/lock"));
}

TEST(PauseAfter, GrowsAndHonoursTheServersWishWithinReason) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const milliseconds first(250);
  EXPECT_EQ(PauseAfter(1, first, {}), milliseconds(250));
  EXPECT_EQ(PauseAfter(2, first, {}), milliseconds(500));
  EXPECT_EQ(PauseAfter(4, first, {}), seconds(2));
  EXPECT_EQ(PauseAfter(1000, first, {}), seconds(30));
  EXPECT_EQ(PauseAfter(1, first, seconds(7)), seconds(7));
  EXPECT_EQ(PauseAfter(1, first, std::chrono::hours(24)), std::chrono::minutes(5));
}

TEST(Pause, EndsAtOnceWhenStopped) {
  std::stop_source stop;
  EXPECT_TRUE(Pause(std::chrono::milliseconds(1), stop.get_token()));
  std::jthread other([&] { stop.request_stop(); });
  EXPECT_FALSE(Pause(std::chrono::hours(1), stop.get_token()));
}

TEST(ParseListing, ReadsCommitAndFiles) {
  const auto listing = ParseListing(R"({"id": "org/name", "sha": ")" + kCommit +
                                    R"(", "siblings": [{"rfilename": "a"}, )"
                                    R"({"rfilename": "b/c", "size": 3}], "tags": []})");
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->commit, kCommit);
  EXPECT_THAT(listing->files, ElementsAre("a", "b/c"));
}

TEST(ParseListing, RefusesNamesThatLeaveTheFolder) {
  const auto listing = ParseListing(R"({"sha": ")" + kCommit + R"(", "siblings": [{"rfilename": "../a"}]})");
  ASSERT_FALSE(listing);
  EXPECT_THAT(listing.error().message, HasSubstr("'../a' leaves the model's folder"));
}

}  // namespace
}  // namespace weir::hub
