#include "http/router.h"

#include "base/fake_clock.h"

namespace weir::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class FakeExchange final : public Exchange {
 public:
  FakeExchange(std::string method, std::string path, std::map<std::string, std::string, std::less<>> headers = {})
      : method_(std::move(method)), path_(std::move(path)), headers_(std::move(headers)) {}

  std::string_view method() const override { return method_; }
  std::string_view path() const override { return path_; }
  std::string_view Header(std::string_view name) const override {
    const auto found = headers_.find(name);
    return found == headers_.end() ? std::string_view() : found->second;
  }
  const std::string& body() const override { return body_; }
  std::stop_token stop() const override { return {}; }
  void Respond(Response response) override {
    if (!answer) answer = std::move(response);
  }

  std::optional<Response> answer;

 private:
  const std::string method_;
  const std::string path_;
  const std::map<std::string, std::string, std::less<>> headers_;
  const std::string body_;
};

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    router_.Add("GET", "/v1/models", Dialect::kOpenAi, access::Scope::kInfer,
                [](const ExchangePtr& e) { e->Respond({.body = "list"}); });
    router_.Add("GET", "/v2/models/{model}", Dialect::kOip, access::Scope::kInfer,
                [](const ExchangePtr& e) { e->Respond({.body = e->parameters[0]}); });
    router_.Add("POST", "/v2/models/{model}/infer", Dialect::kOip, access::Scope::kInfer,
                [](const ExchangePtr&) { throw std::runtime_error("broken handler"); });
  }

  Response Ask(std::string method, std::string path, std::map<std::string, std::string, std::less<>> headers = {}) {
    last_ = std::make_shared<FakeExchange>(std::move(method), std::move(path), std::move(headers));
    last_->patience.received = clock_.Now();
    router_.Route(last_);
    return last_->answer.value();
  }

  FakeClock clock_;
  Router router_;
  std::shared_ptr<FakeExchange> last_;
};

TEST_F(RouterTest, FindsTheHandlerAndItsParameters) {
  EXPECT_EQ(Ask("GET", "/v1/models").body, "list");
  EXPECT_EQ(Ask("GET", "/v2/models/minilm").body, "minilm");
  EXPECT_EQ(last_->route, "/v2/models/{model}");
  EXPECT_EQ(Ask("HEAD", "/v1/models").status, 200);
}

TEST_F(RouterTest, SaysWhichMethodsARouteTakes) {
  const Response response = Ask("DELETE", "/v1/models");
  EXPECT_EQ(response.status, 405);
  EXPECT_THAT(response.headers, ElementsAre(Pair("Allow", "GET, HEAD")));
}

TEST_F(RouterTest, NamesTheNearestRouteOfAnUnknownPath) {
  const Response response = Ask("GET", "/v1/model");
  EXPECT_EQ(response.status, 404);
  EXPECT_THAT(response.body, HasSubstr("did you mean '/v1/models'?"));
  for (const char* path : {"", "/", "//", "/v2/models//infer", "*", "no-slash"})
    EXPECT_EQ(Ask("GET", path).status, 404);
}

TEST_F(RouterTest, APathOfAnyLengthIsOneThatIsNotThere) {
  std::string path = "/v2/models/m";
  for (int i = 0; i < 100; ++i) path += "/infer";
  EXPECT_EQ(Ask("POST", path).status, 404);
  EXPECT_EQ(Ask("POST", "v2/models/m/infer").status, 404);
  EXPECT_EQ(Ask("GET", "metrics").status, 404);
}

TEST_F(RouterTest, AnErrorHasTheShapeOfItsDialect) {
  EXPECT_THAT(Ask("GET", "/v2/nothing").body, ::testing::StartsWith(R"({"error":"there is no route)"));
  EXPECT_THAT(Ask("GET", "/v1/nothing").body, ::testing::StartsWith(R"({"error":{"message":)"));
}

TEST_F(RouterTest, AHandlerThatThrowsAnswersInternal) { EXPECT_EQ(Ask("POST", "/v2/models/m/infer").status, 500); }

TEST_F(RouterTest, RetryAfterIsInWholeSecondsRoundedUp) {
  const Error error{Code::kResourceExhausted, "full", "", std::chrono::milliseconds(1200)};
  EXPECT_THAT(ErrorResponse(error, Dialect::kOip).headers, ElementsAre(Pair("Retry-After", "2")));
}

TEST_F(RouterTest, RequestIdsAreTakenFromTheClientWhenTheyAreUsable) {
  router_.Use(NewRequestIdMiddleware());
  Ask("GET", "/v1/models", {{"x-request-id", "abc-1"}});
  EXPECT_EQ(last_->request_id, "abc-1");
  for (const std::string& bad : {std::string("a\nb"), std::string(200, 'x'), std::string()}) {
    Ask("GET", "/v1/models", {{"x-request-id", bad}});
    EXPECT_EQ(last_->request_id.size(), 32U);
  }
}

TEST_F(RouterTest, TheDeadlineIsTheClientsCutToTheMaximum) {
  using std::chrono::seconds;
  router_.Use(NewDeadlineMiddleware({.fallback = seconds(30), .most = seconds(60)}));
  Ask("GET", "/v1/models");
  EXPECT_EQ(last_->patience.deadline.at(), clock_.Now() + seconds(30));
  Ask("GET", "/v1/models", {{"x-request-timeout-ms", "1500"}});
  EXPECT_EQ(last_->patience.deadline.at(), clock_.Now() + std::chrono::milliseconds(1500));
  Ask("GET", "/v1/models", {{"x-request-timeout-ms", "99999999999999999999"}});
  EXPECT_EQ(last_->patience.deadline.at(), clock_.Now() + seconds(60));
  for (const char* bad : {"0", "-1", "1.5", "soon", "5s", "-99999999999999999999"}) {
    EXPECT_EQ(Ask("GET", "/v1/models", {{"x-request-timeout-ms", bad}}).status, 400) << bad;
  }
  EXPECT_THAT(Ask("GET", "/v2/models/m", {{"x-request-timeout-ms", "0"}}).body,
              ::testing::StartsWith(R"({"error":"X-Request-Timeout-Ms)"));
}

TEST_F(RouterTest, CountsRequestsByRouteAndStatus) {
  Metrics metrics;
  router_.Use(NewMetricsMiddleware(metrics, clock_));
  Response response = Ask("GET", "/v2/models/a");
  router_.Finish(*last_, response);
  response = Ask("GET", "/v2/models/b");
  router_.Finish(*last_, response);
  EXPECT_THAT(metrics.Render(), HasSubstr("weir_http_requests_total{route=\"/v2/models/{model}\",status=\"200\"} 2"));
}

}  // namespace
}  // namespace weir::http
