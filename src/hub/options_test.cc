#include "hub/options.h"

#include <map>

#include "base/test_folder.h"

namespace weir::hub {
namespace {

using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

Result<Options> From(Variables variables) {
  variables.emplace("HOME", "/nowhere");
  return OptionsFrom([&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(HubOptions, FollowTheHomesThatTheHubsToolsFollow) {
  EXPECT_EQ(From({})->cache, "/nowhere/.cache/huggingface/hub");
  EXPECT_EQ(From({{"XDG_CACHE_HOME", "/x"}})->cache, "/x/huggingface/hub");
  EXPECT_EQ(From({{"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "~/hf"}})->cache, "/nowhere/hf/hub");
  EXPECT_EQ(From({{"HF_HOME", "/hf"}, {"HF_HUB_CACHE", "/c"}})->cache, "/c");
  EXPECT_EQ(From({{"HUGGINGFACE_HUB_CACHE", "/old"}})->cache, "/old");
}

TEST(HubOptions, TakeTheEndpointWithoutItsLastSlash) {
  EXPECT_THAT(From({})->endpoint, ::testing::StartsWith("https://"));
  EXPECT_EQ(From({{"HF_ENDPOINT", " http://mirror:8080/hub// "}})->endpoint, "http://mirror:8080/hub");
  EXPECT_THAT(From({{"HF_ENDPOINT", "file:///x"}}).error().message, HasSubstr("HF_ENDPOINT is 'file:///x'"));
}

TEST(HubOptions, FindTheTokenInTheEnvironmentBeforeTheFile) {
  const TestFolder home;
  home.Write("token", "from-file\n");
  home.Write("other", "elsewhere");
  EXPECT_EQ(From({})->token, "");
  EXPECT_EQ(From({{"HF_HOME", home.path()}})->token, "from-file");
  EXPECT_EQ(From({{"HF_HOME", home.path()}, {"HF_TOKEN", " abc\n"}})->token, "abc");
  EXPECT_EQ(From({{"HF_TOKEN_PATH", home.path() / "other"}})->token, "elsewhere");
  EXPECT_EQ(From({{"HF_HOME", home.path()}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}})->token, "");
}

TEST(HubOptions, RefuseATokenThatWouldAddAHeaderAndDoNotShowIt) {
  const auto refused = From({{"HF_TOKEN", "abc\r\nX-Evil: 1"}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, ::testing::Not(HasSubstr("abc")));
}

TEST(HubOptions, ReadOfflineAndTimeoutAsTheHubsToolsDo) {
  for (const char* on : {"1", "true", "ON", "Yes"}) EXPECT_TRUE(From({{"HF_HUB_OFFLINE", on}})->offline) << on;
  for (const char* off : {"0", "", "no"}) EXPECT_FALSE(From({{"HF_HUB_OFFLINE", off}})->offline) << off;
  EXPECT_EQ(From({{"HF_HUB_DOWNLOAD_TIMEOUT", "3"}})->stall, std::chrono::seconds(3));
  for (const char* bad : {"0", "-1", "1.5", "x", "999999"}) {
    EXPECT_FALSE(From({{"HF_HUB_DOWNLOAD_TIMEOUT", bad}})) << bad;
  }
}

}  // namespace
}  // namespace weir::hub
