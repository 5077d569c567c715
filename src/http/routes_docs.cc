#include <array>
#include <mutex>
#include <utility>

#include "http/routes.h"

namespace weir::http {
namespace {

using access::Scope;

openapi::ErrorShape ShapeOf(Dialect dialect) {
  switch (dialect) {
    case Dialect::kOpenAi: return openapi::ErrorShape::kOpenAi;
    case Dialect::kOip: return openapi::ErrorShape::kInference;
    case Dialect::kSentiment: return openapi::ErrorShape::kSentiment;
    case Dialect::kCandles: return openapi::ErrorShape::kCandles;
  }
  return openapi::ErrorShape::kOpenAi;
}

// The document, made when it is first asked for. Thread-safe.
class Description {
 public:
  Description(const Router& router, openapi::Facts facts) : router_(router), facts_(std::move(facts)) {}

  const std::string& Text() {
    std::call_once(once_, [&] {
      std::vector<openapi::Route> routes;
      for (const Router::RouteInfo& route : router_.List()) {
        routes.push_back({.method = route.method,
                          .pattern = route.pattern,
                          .errors = ShapeOf(route.dialect),
                          .is_open = route.scope == Scope::kOpen});
      }
      text_ = openapi::MakeDocument(routes, facts_);
    });
    return text_;
  }

 private:
  const Router& router_;
  const openapi::Facts facts_;
  std::once_flag once_;
  std::string text_;
};

// A page that loads nothing from elsewhere and is in no other page's frame. Source: the Secure Headers Project of
// OWASP. Swagger UI sets styles of single elements, and has its pictures in its style sheet.
Response PageOf(std::string_view content_type, const EmbeddedFile& file) {
  Response response{.body = std::string(file.bytes), .content_type = content_type};
  response.headers = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src "
       "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cache-Control", "max-age=3600"}};
  return response;
}

// What the page may load.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kFiles = {
    {{"swagger-ui.css", "text/css; charset=utf-8"},
     {"swagger-ui-bundle.js", "text/javascript; charset=utf-8"},
     {"start.js", "text/javascript; charset=utf-8"}}};

void HandleFile(const ExchangePtr& exchange) {
  for (const auto& [name, type] : kFiles) {
    const EmbeddedFile* file = openapi::FindFile(name);
    if (name == exchange->parameters[0] && file != nullptr) return exchange->Respond(PageOf(type, *file));
  }
  exchange->Respond(ErrorResponse({Code::kNotFound, "the page has no file '" + exchange->parameters[0] + "'", "file"},
                                  Dialect::kOpenAi));
}

}  // namespace

void AddDocsRoutes(Router& router, const openapi::Facts& facts) {
  router.Add("GET", "/openapi.json", Dialect::kOpenAi, Scope::kOpen,
             [description = std::make_shared<Description>(router, facts)](const ExchangePtr& exchange) {
               exchange->Respond({.body = description->Text()});
             });
  for (const std::string_view pattern : {"/docs", "/redoc"}) {
    router.Add("GET", pattern, Dialect::kOpenAi, Scope::kOpen, [](const ExchangePtr& exchange) {
      exchange->Respond(PageOf("text/html; charset=utf-8", *openapi::FindFile("docs.html")));
    });
  }
  router.Add("GET", "/docs/{file}", Dialect::kOpenAi, Scope::kOpen, HandleFile);
}

}  // namespace weir::http
