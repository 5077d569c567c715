// Finds the handler of a request.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/exchange.h"
#include "http/middleware.h"

namespace weir::http {

using Handler = std::function<void(const ExchangePtr&)>;

// The dialect of a path that is no route's.
Dialect DialectOf(std::string_view path);

// The whole answer for an error: status, body in the dialect's shape, Retry-After. `id`: of the request, where the
// shape has it.
Response ErrorResponse(const Error& error, Dialect dialect, const std::string& id = {});

// The route table with the middlewares around it. Filled at start by the composition root, then immutable
// and thread-safe.
class Router {
 public:
  // `pattern` as "/v2/models/{model}/infer"; a {name} stands for one segment. Both strings are of static
  // duration. `scope`: what a key must have, where keys are asked for.
  void Add(std::string_view method, std::string_view pattern, Dialect dialect, access::Scope scope, Handler handler);
  void Use(std::unique_ptr<Middleware> middleware) { middlewares_.Add(std::move(middleware)); }

  // Runs middlewares and handler; every path ends in exchange->Respond. Never blocks.
  void Route(const ExchangePtr& exchange) const;
  // Why a request whose body has not come yet need not send it; nullopt when it may.
  std::optional<Error> BeforeBody(const HeaderOf& header) const;
  // Answers a request that is not worth routing, with the middlewares around it.
  void Refuse(const ExchangePtr& exchange, const Error& error, std::optional<int> status = std::nullopt) const;
  // The middlewares' last touch: called by the connection for every answer before it is written.
  void Finish(const Exchange& exchange, Response& response) const;

  // Bodies for routes of this pattern may have so many bytes. False when there is no such route.
  bool LimitBody(std::string_view pattern, std::size_t bytes);
  // Of the first route that has this path; `otherwise` where none has been set.
  std::size_t BodyLimitAt(std::string_view path, std::size_t otherwise) const;

  // That of the route that has this path, whatever the method.
  Dialect DialectAt(std::string_view path) const;

  struct RouteInfo {
    std::string_view method;
    std::string_view pattern;
    Dialect dialect = Dialect::kOpenAi;
    access::Scope scope = access::Scope::kOpen;
  };
  // In the order in which they are looked at.
  std::vector<RouteInfo> List() const;

 private:
  struct Entry {
    std::string_view method;
    std::string_view pattern;
    std::vector<std::string_view> segments;
    Dialect dialect;
    access::Scope scope;
    Handler handler;
    std::optional<std::size_t> max_body = {};
  };

  Response NoRoute(const Exchange& exchange) const;

  std::vector<Entry> routes_;
  bool limits_bodies_ = false;
  Middlewares middlewares_;
};

}  // namespace weir::http
