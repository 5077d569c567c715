#include "rpc/infer_stream.h"

#include <deque>
#include <optional>
#include <utility>

#include "inference.pb.h"
#include "rpc/messages.h"

namespace weir::rpc {
namespace {

// Of a stream, read and not yet written: then the client waits until some are.
constexpr std::size_t kMostUnderWay = 256;

// Keeps itself alive until gRPC is done with it; so does each of its requests. What gRPC is asked for is asked for
// without the lock, as it may call back from there.
class InferStream final
    : public grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>,
      public std::enable_shared_from_this<InferStream> {
 public:
  using Answer = std::unique_ptr<inference::ModelStreamInferResponse>;

  InferStream(Calls& calls, grpc::CallbackServerContext& context, const Method& method)
      : calls_(calls), context_(context), method_(method) {}

  void Begin() {
    self_ = shared_from_this();
    if (const Status open = calls_.MayBegin(); !open) return Finish(GrpcStatus(open));
    Read();
  }

 private:
  void OnCancel() override { stop_.request_stop(); }
  void OnDone() override { self_ = nullptr; }

  void OnReadDone(bool ok) override {
    if (!ok) {
      {
        const MutexLock lock(mu_);
        is_read_ = true;
      }
      return Go();
    }
    std::shared_ptr<inference::ModelInferRequest> message;
    {
      const MutexLock lock(mu_);
      is_reading_ = false;
      ++under_way_;
      message = std::move(message_);
    }
    Take(std::move(message));
    Go();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) stop_.request_stop();  // nobody reads any more
    {
      const MutexLock lock(mu_);
      writing_ = nullptr;
      --under_way_;
    }
    calls_.End();
    Go();
  }

  void Take(std::shared_ptr<inference::ModelInferRequest> message) {
    calls_.Begin();
    auto exchange = std::make_shared<CallExchange>(context_, method_, stop_);
    const Status begun = exchange->Begin(calls_);
    if (!begun) return Refused(*exchange, *message, begun);
    Infer(calls_, exchange, message,
          [this, self = shared_from_this(), exchange](const InferMessage& asked, Result<InferAnswer> answer) {
            Answered(*exchange, asked, std::move(answer));
          });
  }

  // Who may not ask at all has no use for the stream.
  void Refused(CallExchange& exchange, const inference::ModelInferRequest& message, const Status& why) {
    const Code code = why.error().code;
    if (code != Code::kUnauthenticated && code != Code::kPermissionDenied) {
      return Answered(exchange, {.name = message.model_name(), .id = message.id()}, std::unexpected(why.error()));
    }
    exchange.End(calls_, why, {});
    const MutexLock lock(mu_);
    last_ = why;
    is_read_ = true;
    --under_way_;
    calls_.End();
  }

  void Answered(CallExchange& exchange, const InferMessage& asked, Result<InferAnswer> answer) {
    auto message = std::make_unique<inference::ModelStreamInferResponse>();
    auto& response = *message->mutable_infer_response();
    if (answer) {
      WriteInfer(asked, *answer, response);
    } else {
      message->set_error_message(answer.error().message);
      response.set_model_name(asked.name);
      response.set_id(asked.id);
    }
    if (asked.marks_final) (*response.mutable_parameters())["triton_final_response"].set_bool_param(true);
    exchange.End(calls_, answer ? Status() : Status(std::unexpected(answer.error())),
                 answer ? answer->times : StageTimes());
    {
      const MutexLock lock(mu_);
      waiting_.push_back(std::move(message));
    }
    Go();
  }

  // Begins what can be begun: a write, a read, or the end.
  void Go() {
    const inference::ModelStreamInferResponse* next = nullptr;
    bool read = false;
    bool end = false;
    Status last;
    {
      const MutexLock lock(mu_);
      if (!writing_ && !waiting_.empty()) {
        writing_ = std::move(waiting_.front());
        waiting_.pop_front();
        next = writing_.get();
      }
      read = !is_read_ && !is_reading_ && under_way_ < kMostUnderWay;
      is_reading_ = is_reading_ || read;
      end = is_read_ && under_way_ == 0 && !is_ended_;
      is_ended_ = is_ended_ || end;
      last = last_;
    }
    if (next != nullptr) StartWrite(next);
    if (read) Read();
    if (end) Finish(GrpcStatus(last));
  }

  void Read() {
    auto message = std::make_shared<inference::ModelInferRequest>();
    inference::ModelInferRequest* const filled = message.get();
    {
      const MutexLock lock(mu_);
      message_ = std::move(message);
    }
    StartRead(filled);
  }

  Calls& calls_;
  grpc::CallbackServerContext& context_;
  const Method method_;
  std::stop_source stop_;
  std::shared_ptr<InferStream> self_;

  Mutex mu_;
  std::shared_ptr<inference::ModelInferRequest> message_ GUARDED_BY(mu_);  // of the one read that is under way
  std::deque<Answer> waiting_ GUARDED_BY(mu_);
  Answer writing_ GUARDED_BY(mu_);
  std::size_t under_way_ GUARDED_BY(mu_) = 0;  // requests read whose answers are not written
  bool is_reading_ GUARDED_BY(mu_) = true;
  bool is_read_ GUARDED_BY(mu_) = false;  // there are no more
  bool is_ended_ GUARDED_BY(mu_) = false;
  Status last_ GUARDED_BY(mu_);
};

}  // namespace

grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>* NewInferStream(
    Calls& calls, grpc::CallbackServerContext& context, const Method& method) {
  auto stream = std::make_shared<InferStream>(calls, context, method);
  stream->Begin();
  return stream.get();
}

void Infer(Calls& calls, std::shared_ptr<CallExchange> exchange,
           const std::shared_ptr<const inference::ModelInferRequest>& message,
           std::move_only_function<void(const InferMessage&, Result<InferAnswer>)> done) {
  Result<InferMessage> asked = ReadInfer(message);
  if (!asked) return done({.name = message->model_name(), .id = message->id()}, Forward(asked));
  const Result<Priority> priority = http::PriorityOf(*exchange, asked->priority);
  if (!priority) return done(*asked, std::unexpected(priority.error()));
  InferRequest request = std::move(asked->request);
  request.patience = exchange->patience;
  request.priority = *priority;
  request.client = exchange->client;
  request.stop = exchange->stop();
  calls.context().infer.Infer(std::move(request),
                              [exchange = std::move(exchange), asked = std::move(*asked), done = std::move(done)](
                                  Result<InferAnswer> answer) mutable { done(asked, std::move(answer)); });
}

}  // namespace weir::rpc
