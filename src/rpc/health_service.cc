#include "rpc/health_service.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <vector>

#include "base/thread.h"
#include "base/thread_name.h"
#include "health.grpc.pb.h"

namespace weir::rpc {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::health::v1::HealthCheckResponse_ServingStatus;

// Readiness is made of many models' states; while somebody watches it is looked at so often.
constexpr std::chrono::milliseconds kLook{200};

bool IsKnown(const std::string& service) { return service.empty() || service == "inference.GRPCInferenceService"; }

// One client that watches. What gRPC is asked for is asked for without the lock, as it may call back from there.
class Watcher final : public grpc::ServerWriteReactor<HealthCheckResponse>,
                      public std::enable_shared_from_this<Watcher> {
 public:
  explicit Watcher(std::function<void(const std::shared_ptr<Watcher>&)> gone) : gone_(std::move(gone)) {}

  void Begin() { self_ = shared_from_this(); }

  void Tell(HealthCheckResponse_ServingStatus status) {
    {
      const MutexLock lock(mu_);
      wanted_ = status;
    }
    Go();
  }
  void End(grpc::Status status) {
    {
      const MutexLock lock(mu_);
      if (is_ended_) return;
      is_ended_ = true;
    }
    Finish(std::move(status));
  }

 private:
  void OnWriteDone(bool ok) override {
    {
      const MutexLock lock(mu_);
      is_writing_ = false;
    }
    if (ok) Go();
  }
  void OnCancel() override { End(grpc::Status::CANCELLED); }
  void OnDone() override {
    gone_(self_);
    self_ = nullptr;
  }

  // Writes what has changed since it was told.
  void Go() {
    {
      const MutexLock lock(mu_);
      if (is_ended_ || is_writing_ || !wanted_ || told_ == wanted_) return;
      is_writing_ = true;
      told_ = wanted_;
      message_.set_status(*told_);
    }
    StartWrite(&message_);
  }

  const std::function<void(const std::shared_ptr<Watcher>&)> gone_;
  std::shared_ptr<Watcher> self_;
  HealthCheckResponse message_;  // of the one write that is under way
  Mutex mu_;
  std::optional<HealthCheckResponse_ServingStatus> wanted_ GUARDED_BY(mu_);
  std::optional<HealthCheckResponse_ServingStatus> told_ GUARDED_BY(mu_);
  bool is_writing_ GUARDED_BY(mu_) = false;
  bool is_ended_ GUARDED_BY(mu_) = false;
};

class Health final : public HealthService, public grpc::health::v1::Health::CallbackService {
 public:
  explicit Health(Calls& calls) : calls_(calls) {}
  ~Health() override { Stop(); }

  grpc::Service& service() override { return *this; }

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context, const HealthCheckRequest* request,
                                  HealthCheckResponse* response) override {
    return UnaryCall<HealthCheckRequest, HealthCheckResponse>::Start(
        calls_, *context, *request, *response, {"/grpc.health.v1.Health/Check", access::Scope::kOpen},
        [this](const auto& call) {
          if (!IsKnown(call->request.service())) {
            return call->End(Fail(Code::kNotFound, "there is no service '" + call->request.service() + "'"));
          }
          call->response.set_status(Now());
          call->End({});
        });
  }

  grpc::ServerWriteReactor<HealthCheckResponse>* Watch(grpc::CallbackServerContext*,
                                                       const HealthCheckRequest* request) override {
    auto watcher = std::make_shared<Watcher>([this](const auto& gone) { Forget(gone); });
    watcher->Begin();
    if (!IsKnown(request->service())) {
      watcher->Tell(HealthCheckResponse::SERVICE_UNKNOWN);
      return watcher.get();
    }
    watcher->Tell(Now());
    const MutexLock lock(mu_);
    if (is_stopped_) return watcher.get();
    watchers_.push_back(watcher);
    if (!thread_.joinable()) thread_ = Thread([this](const std::stop_token& stop) { Look(stop); });
    changed_.NotifyAll();
    return watcher.get();
  }

  void Stop() override {
    std::vector<std::shared_ptr<Watcher>> all;
    Thread thread;
    {
      const MutexLock lock(mu_);
      is_stopped_ = true;
      all.swap(watchers_);
      thread = std::move(thread_);
    }
    thread = Thread();  // asked to stop, and joined
    for (const auto& watcher : all) watcher->End({grpc::StatusCode::UNAVAILABLE, "the server is stopping"});
  }

 private:
  HealthCheckResponse_ServingStatus Now() const {
    const bool ready = calls_.MayBegin() && calls_.context().ready();
    return ready ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
  }

  void Look(const std::stop_token& stop) {
    SetThreadName("health");
    while (!stop.stop_requested()) {
      std::vector<std::shared_ptr<Watcher>> all;
      {
        const MutexLock lock(mu_);
        changed_.Wait(mu_, stop, [this]() REQUIRES(mu_) { return !watchers_.empty(); });
        all = watchers_;
      }
      const auto now = Now();
      for (const auto& watcher : all) watcher->Tell(now);
      const MutexLock lock(mu_);
      changed_.WaitUntil(mu_, stop, Clock::Steady().Now() + kLook, [] { return false; });
    }
  }

  void Forget(const std::shared_ptr<Watcher>& gone) {
    const MutexLock lock(mu_);
    std::erase(watchers_, gone);
  }

  Calls& calls_;
  Mutex mu_;
  CondVar changed_;
  std::vector<std::shared_ptr<Watcher>> watchers_ GUARDED_BY(mu_);
  bool is_stopped_ GUARDED_BY(mu_) = false;
  Thread thread_ GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<HealthService> HealthService::Make(Calls& calls) { return std::make_unique<Health>(calls); }

}  // namespace weir::rpc
