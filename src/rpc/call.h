// One gRPC call on its way through the server. For the files of this room.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "base/mutex.h"
#include "codec/error.h"
#include "http/exchange.h"
#include "rpc/server.h"

namespace weir::rpc {

// The one mapping from error codes to gRPC's.
grpc::StatusCode GrpcCode(Code code);
grpc::Status GrpcStatus(const Status& status);

// What all calls share. Owned by the server. Thread-safe.
class Calls {
 public:
  explicit Calls(ServerContext context) : context_(std::move(context)) {}

  const ServerContext& context() const { return context_; }

  void Open() { open_ = true; }
  void Close() { open_ = false; }
  // kUnavailable when the server does not take calls.
  Status MayBegin() const;

  // While a call or a message of a stream is under way.
  void Begin();
  void End();
  bool WaitIdle(Deadline deadline, const std::stop_token& hurry);

 private:
  const ServerContext context_;
  std::atomic<bool> open_ = false;
  Mutex mu_;
  CondVar idle_;
  std::size_t under_way_ GUARDED_BY(mu_) = 0;
};

// A method as the middlewares see it; both strings are of static duration.
struct Method {
  std::string_view route;  // "/inference.GRPCInferenceService/ModelInfer"
  access::Scope scope = access::Scope::kInfer;
};

// A call, or a message of a stream, as the middlewares see it: its metadata are its headers.
class CallExchange final : public http::Exchange {
 public:
  CallExchange(const grpc::ServerContextBase& context, const Method& method, std::stop_source stop = {});

  std::string_view method() const override { return "POST"; }
  std::string_view path() const override { return route; }
  std::string_view Header(std::string_view name) const override;
  const std::string& body() const override;
  std::stop_token stop() const override { return stop_.get_token(); }
  void Respond(http::Response) override {}  // a call ends with Finish

  void Cancel() { stop_.request_stop(); }
  // What the middlewares say, then the call's own deadline.
  Status Begin(const Calls& calls);
  // Their last word, as pairs of names and values for the call's end.
  http::Response End(const Calls& calls, const Status& status, const StageTimes& times);

 private:
  const grpc::ServerContextBase& context_;
  std::stop_source stop_;
};

// A call of one message each way. Keeps itself alive until gRPC is done with it; who works on the answer holds it too.
template <typename Request, typename Response>
class UnaryCall final : public grpc::ServerUnaryReactor,
                        public std::enable_shared_from_this<UnaryCall<Request, Response>> {
 public:
  using Ptr = std::shared_ptr<UnaryCall>;
  using Handler = std::function<void(const Ptr&)>;

  static grpc::ServerUnaryReactor* Start(Calls& calls, grpc::CallbackServerContext& context, const Request& request,
                                         Response& response, const Method& method, const Handler& handler) {
    auto call = std::make_shared<UnaryCall>(calls, context, request, response, method);
    call->self_ = call;
    const Status begun = call->exchange.Begin(calls);
    if (!begun) {
      call->End(begun);
    } else {
      handler(call);
    }
    return call.get();
  }

  UnaryCall(Calls& calls, grpc::CallbackServerContext& context, const Request& given, Response& made,
            const Method& method)
      : exchange(context, method), request(given), response(made), calls_(calls), context_(context) {
    calls_.Begin();
  }

  // Once. `times`: of an answer by a model.
  void End(const Status& status, const StageTimes& times = {}) {
    const http::Response last = exchange.End(calls_, status, times);
    for (const auto& [name, value] : last.headers) context_.AddTrailingMetadata(name, value);
    is_ended_.store(true, std::memory_order_release);
    this->Finish(GrpcStatus(status));
  }
  // What the handler may take for itself.
  Request& TakeRequest() { return const_cast<Request&>(request); }

  CallExchange exchange;
  const Request& request;  // until End
  Response& response;      // until End

 private:
  void OnCancel() override { exchange.Cancel(); }
  void OnDone() override {
    // Whoever waits for the calls to end sees all that was done for them: gRPC promises it, by locks of its own, which
    // ThreadSanitizer does not see.
    (void)is_ended_.load(std::memory_order_acquire);
    calls_.End();
    self_ = nullptr;
  }
  // Neither blocks nor calls the library, so they may run where the library stands; else each costs a hop to another
  // thread (half of the calls a second).
  bool InternalInlineable() override { return true; }

  Calls& calls_;
  grpc::CallbackServerContext& context_;
  std::atomic<bool> is_ended_ = false;
  Ptr self_;
};

}  // namespace weir::rpc
