#include "hub/hub_client.h"

#include <deque>

namespace weir::hub {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kCommit(40, 'c');

// Answers from a list, and remembers what was asked.
class FakeHttp final : public HttpClient {
 public:
  Result<HttpReply> Send(const HttpRequest& request, std::stop_token) override {
    urls.push_back(request.url);
    tokens.push_back(request.token);
    if (replies.empty()) return Fail(Code::kUnavailable, "nobody there");
    Result<HttpReply> reply = std::move(replies.front());
    replies.pop_front();
    return reply;
  }

  std::deque<Result<HttpReply>> replies;
  std::vector<std::string> urls;
  std::vector<std::string> tokens;
};

HttpReply Answer(long status, std::map<std::string, std::string> headers = {}, std::string body = "") {
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

HttpReply AListing() { return Answer(200, {}, R"({"sha": ")" + kCommit + R"(", "siblings": [{"rfilename": "a"}]})"); }

class HubClientTest : public ::testing::Test {
 protected:
  FakeHttp http_;
  std::vector<std::string> notices_;
  const Options options_{.endpoint = "https://hub.example",
                         .token = "secret",
                         .cache = {},
                         .tries = 3,
                         .first_pause = std::chrono::milliseconds(1)};
  HubClient client_{http_, options_, "org/name", [this](std::string_view words) { notices_.emplace_back(words); }, {}};
};

TEST_F(HubClientTest, AsksForARevisionByItsEncodedName) {
  http_.replies.emplace_back(AListing());
  const Result<Listing> listing = client_.List("refs/pr/1", 1);
  ASSERT_TRUE(listing);
  EXPECT_THAT(listing->files, ElementsAre("a"));
  EXPECT_THAT(http_.urls, ElementsAre("https://hub.example/api/models/org/name/revision/refs%2Fpr%2F1"));
}

TEST_F(HubClientTest, SendsTheTokenToItsOwnSchemeHostAndPortOnly) {
  for (const char* place : {"https://hub.example/b", "https://HUB.example:443/c", "https://hub.example:444/d",
                            "https://hub.example.evil.example/e", "https://hub.example@evil.example/f"}) {
    http_.replies.emplace_back(Answer(302, {{"location", place}}));
  }
  http_.replies.emplace_back(AListing());
  ASSERT_TRUE(client_.List("main", 1));
  EXPECT_THAT(http_.tokens, ElementsAre("secret", "secret", "secret", "", "", ""));
}

TEST_F(HubClientTest, DoesNotGoFromHttpsToHttp) {
  http_.replies.emplace_back(Answer(302, {{"location", "http://hub.example/b"}}));
  EXPECT_THAT(client_.List("main", 1).error().message, HasSubstr("redirects from https to http"));
  EXPECT_EQ(http_.urls.size(), 1U);
}

TEST_F(HubClientTest, TriesAgainWhatMayPassAndNothingElse) {
  for (const long status : {500, 502, 503, 504, 429, 408}) {
    http_.replies = {Answer(status), AListing()};
    EXPECT_TRUE(client_.List("main", 3)) << status;
  }
  EXPECT_EQ(notices_.size(), 6U);
  for (const long status : {400, 401, 403, 404, 410, 416}) {
    http_.replies = {Answer(status), AListing()};
    EXPECT_FALSE(client_.List("main", 3)) << status;
  }
  EXPECT_EQ(notices_.size(), 6U);
}

TEST_F(HubClientTest, GivesUpAfterSoManyTries) {
  const Result<Listing> listing = client_.List("main", 3);
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().code, Code::kUnavailable);
  EXPECT_EQ(http_.urls.size(), 3U);
  EXPECT_EQ(notices_.size(), 2U);
}

TEST_F(HubClientTest, DescribesAFileFromWhatARedirectTells) {
  http_.replies.emplace_back(Answer(302, {{"location", "https://elsewhere.example/x"},
                                          {"x-repo-commit", kCommit},
                                          {"x-linked-etag", "\"abc\""},
                                          {"etag", "\"other\""},
                                          {"x-linked-size", "12"}}));
  const Result<FileInfo> info = client_.Describe(kCommit, "onnx/a b.onnx");
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->etag, "abc");
  EXPECT_EQ(info->size, 12U);
  EXPECT_THAT(http_.urls, ElementsAre("https://hub.example/org/name/resolve/" + kCommit + "/onnx/a%20b.onnx"));
}

TEST_F(HubClientTest, DescribesASmallFileFromItsOwnHeaders) {
  http_.replies.emplace_back(Answer(200, {{"x-repo-commit", kCommit}, {"etag", "W/\"abc\""}, {"content-length", "3"}}));
  const Result<FileInfo> info = client_.Describe(kCommit, "a");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->etag, "abc");
  EXPECT_EQ(info->size, 3U);
}

TEST_F(HubClientTest, AStopEndsThePauseBetweenTwoTries) {
  std::stop_source stop;
  Options patient = options_;
  patient.first_pause = std::chrono::hours(1);
  HubClient client(http_, patient, "org/name", [&](std::string_view) { stop.request_stop(); }, stop.get_token());
  EXPECT_EQ(client.List("main", 3).error().code, Code::kCancelled);
}

TEST_F(HubClientTest, KeepsControlCharactersOfTheServerOffTheTerminal) {
  http_.replies.emplace_back(Answer(403, {{"x-error-message", "\x1b[31mred"}}));
  EXPECT_THAT(client_.List("main", 1).error().message, HasSubstr("(it says:  [31mred)"));
}

TEST(JoinUrl, ResolvesAsABrowserDoes) {
  EXPECT_EQ(*JoinUrl("https://a.example/x/y?z", "/b"), "https://a.example/b");
  EXPECT_EQ(*JoinUrl("https://a.example/x/y", "b"), "https://a.example/x/b");
  EXPECT_EQ(*JoinUrl("http://a.example/x", "https://b.example/c?d=e"), "https://b.example/c?d=e");
  for (const char* bad : {"", "file:///etc/passwd", "ftp://a.example/", "javascript:1", "http://"}) {
    EXPECT_FALSE(JoinUrl("http://a.example/x", bad)) << bad;
  }
}

TEST(SameOrigin, ComparesSchemeHostAndPort) {
  EXPECT_TRUE(SameOrigin("https://a.example", "https://A.example:443/x"));
  EXPECT_FALSE(SameOrigin("https://a.example", "http://a.example"));
  EXPECT_FALSE(SameOrigin("https://a.example", "https://a.example:8443"));
  EXPECT_FALSE(SameOrigin("https://a.example", "https://b.example"));
  EXPECT_FALSE(SameOrigin("https://a.example", "https://a.example@b.example"));
  EXPECT_FALSE(SameOrigin("", ""));
}

}  // namespace
}  // namespace weir::hub
