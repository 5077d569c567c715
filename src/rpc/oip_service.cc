#include "rpc/oip_service.h"

#include <utility>

#include "inference.grpc.pb.h"
#include "rpc/infer_stream.h"
#include "rpc/messages.h"

namespace weir::rpc {
namespace {

using access::Scope;

template <typename Request, typename Response>
using CallPtr = std::shared_ptr<UnaryCall<Request, Response>>;

// For those that Weir has no use for.
constexpr char kNoSharedMemory[] = "shared memory is not offered: send tensors in the request";

class OipService final : public inference::GRPCInferenceService::CallbackService {
 public:
  explicit OipService(Calls& calls) : calls_(calls) {}

  grpc::ServerUnaryReactor* ServerLive(grpc::CallbackServerContext* context,
                                       const inference::ServerLiveRequest* request,
                                       inference::ServerLiveResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/ServerLive", Scope::kOpen},
                 [](const auto& call) {
                   call->response.set_live(true);
                   call->End({});
                 });
  }

  grpc::ServerUnaryReactor* ServerReady(grpc::CallbackServerContext* context,
                                        const inference::ServerReadyRequest* request,
                                        inference::ServerReadyResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/ServerReady", Scope::kOpen},
                 [this](const auto& call) {
                   call->response.set_ready(calls_.MayBegin() && calls_.context().ready());
                   call->End({});
                 });
  }

  // A model that cannot be asked, or is not known, is not ready.
  grpc::ServerUnaryReactor* ModelReady(grpc::CallbackServerContext* context,
                                       const inference::ModelReadyRequest* request,
                                       inference::ModelReadyResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/ModelReady"},
                 [this](const auto& call) {
                   const std::string model = ReferenceOf(call->request.name(), call->request.version());
                   call->response.set_ready(calls_.context().infer.Ready(model).has_value());
                   call->End({});
                 });
  }

  grpc::ServerUnaryReactor* ServerMetadata(grpc::CallbackServerContext* context,
                                           const inference::ServerMetadataRequest* request,
                                           inference::ServerMetadataResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/ServerMetadata"},
                 [](const auto& call) {
                   WriteServerMetadata(call->response);
                   call->End({});
                 });
  }

  grpc::ServerUnaryReactor* ModelMetadata(grpc::CallbackServerContext* context,
                                          const inference::ModelMetadataRequest* request,
                                          inference::ModelMetadataResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/ModelMetadata"},
                 [this](const auto& call) {
                   Describe(call, [](const auto& described, const ModelDescription& description) {
                     WriteModelMetadata(described->request.name(), description, described->response);
                   });
                 });
  }

  grpc::ServerUnaryReactor* ModelConfig(grpc::CallbackServerContext* context,
                                        const inference::ModelConfigRequest* request,
                                        inference::ModelConfigResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/ModelConfig"},
                 [this](const auto& call) {
                   Describe(call, [](const auto& described, const ModelDescription& description) {
                     WriteModelConfig(described->request.name(), description, *described->response.mutable_config());
                   });
                 });
  }

  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                       const inference::ModelInferRequest* request,
                                       inference::ModelInferResponse* response) override {
    return Start(
        *context, *request, *response, {"/inference.GRPCInferenceService/ModelInfer"}, [this](const auto& call) {
          // Taken over, as tensors share its bytes, and a run may outlast the call.
          auto message = std::make_shared<inference::ModelInferRequest>();
          message->Swap(&call->TakeRequest());
          std::shared_ptr<CallExchange> exchange(call, &call->exchange);
          Infer(calls_, std::move(exchange), message, [call](const InferMessage& asked, Result<InferAnswer> answer) {
            if (!answer) return call->End(std::unexpected(answer.error()));
            WriteInfer(asked, *answer, call->response);
            call->End({}, answer->times);
          });
        });
  }

  grpc::ServerBidiReactor<inference::ModelInferRequest, inference::ModelStreamInferResponse>* ModelStreamInfer(
      grpc::CallbackServerContext* context) override {
    return NewInferStream(calls_, *context, {"/inference.GRPCInferenceService/ModelStreamInfer"});
  }

  grpc::ServerUnaryReactor* ModelStatistics(grpc::CallbackServerContext* context,
                                            const inference::ModelStatisticsRequest* request,
                                            inference::ModelStatisticsResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/ModelStatistics"},
                 [this](const auto& call) {
                   const auto models =
                       calls_.context().infer.Statistics(ReferenceOf(call->request.name(), call->request.version()));
                   if (!models) return call->End(std::unexpected(models.error()));
                   WriteStatistics(*models, call->response);
                   call->End({});
                 });
  }

  grpc::ServerUnaryReactor* RepositoryIndex(grpc::CallbackServerContext* context,
                                            const inference::RepositoryIndexRequest* request,
                                            inference::RepositoryIndexResponse* response) override {
    return Start(
        *context, *request, *response, {"/inference.GRPCInferenceService/RepositoryIndex"}, [this](const auto& call) {
          WriteRepositoryIndex(calls_.context().repository.engine().States(), call->request.ready(), call->response);
          call->End({});
        });
  }

  grpc::ServerUnaryReactor* RepositoryModelLoad(grpc::CallbackServerContext* context,
                                                const inference::RepositoryModelLoadRequest* request,
                                                inference::RepositoryModelLoadResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/RepositoryModelLoad", Scope::kAdmin},
                 [this](const auto& call) { Change(call, &Repository::Load); });
  }

  grpc::ServerUnaryReactor* RepositoryModelUnload(grpc::CallbackServerContext* context,
                                                  const inference::RepositoryModelUnloadRequest* request,
                                                  inference::RepositoryModelUnloadResponse* response) override {
    return Start(*context, *request, *response,
                 {"/inference.GRPCInferenceService/RepositoryModelUnload", Scope::kAdmin},
                 [this](const auto& call) { Change(call, &Repository::Unload); });
  }

  // Changing settings is for those who may administer; reading them is not.
  grpc::ServerUnaryReactor* LogSettings(grpc::CallbackServerContext* context,
                                        const inference::LogSettingsRequest* request,
                                        inference::LogSettingsResponse* response) override {
    const Scope scope = request->settings().empty() ? Scope::kInfer : Scope::kAdmin;
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/LogSettings", scope},
                 [](const auto& call) {
                   const Result<LogChanges> changes = ReadLogSettings(call->request);
                   if (!changes) return call->End(std::unexpected(changes.error()));
                   if (const Status changed = weir::Change(*changes); !changed) return call->End(changed);
                   WriteLogSettings(call->response);
                   call->End({});
                 });
  }

  grpc::ServerUnaryReactor* TraceSetting(grpc::CallbackServerContext* context,
                                         const inference::TraceSettingRequest* request,
                                         inference::TraceSettingResponse* response) override {
    const Scope scope = request->settings().empty() ? Scope::kInfer : Scope::kAdmin;
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/TraceSetting", scope},
                 [](const auto& call) {
                   for (const auto& [name, given] : call->request.settings()) {
                     const Status taken = ChangeTrace(name, {given.value().begin(), given.value().end()});
                     if (!taken) return call->End(taken);
                   }
                   WriteTraceSettings(call->response);
                   call->End({});
                 });
  }

  grpc::ServerUnaryReactor* SystemSharedMemoryStatus(grpc::CallbackServerContext* context,
                                                     const inference::SharedMemoryStatusRequest* request,
                                                     inference::SystemSharedMemoryStatusResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/SystemSharedMemoryStatus"}, kNothing);
  }
  grpc::ServerUnaryReactor* CudaSharedMemoryStatus(grpc::CallbackServerContext* context,
                                                   const inference::SharedMemoryStatusRequest* request,
                                                   inference::CudaSharedMemoryStatusResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/CudaSharedMemoryStatus"}, kNothing);
  }
  grpc::ServerUnaryReactor* SystemSharedMemoryUnregister(grpc::CallbackServerContext* context,
                                                         const inference::SharedMemoryUnregisterRequest* request,
                                                         inference::SharedMemoryUnregisterResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/SystemSharedMemoryUnregister"},
                 kNothing);
  }
  grpc::ServerUnaryReactor* CudaSharedMemoryUnregister(grpc::CallbackServerContext* context,
                                                       const inference::SharedMemoryUnregisterRequest* request,
                                                       inference::SharedMemoryUnregisterResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/CudaSharedMemoryUnregister"},
                 kNothing);
  }
  grpc::ServerUnaryReactor* SystemSharedMemoryRegister(grpc::CallbackServerContext* context,
                                                       const inference::SharedMemoryRegisterRequest* request,
                                                       inference::SharedMemoryRegisterResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/SystemSharedMemoryRegister"},
                 kNotOffered);
  }
  grpc::ServerUnaryReactor* CudaSharedMemoryRegister(grpc::CallbackServerContext* context,
                                                     const inference::SharedMemoryRegisterRequest* request,
                                                     inference::SharedMemoryRegisterResponse* response) override {
    return Start(*context, *request, *response, {"/inference.GRPCInferenceService/CudaSharedMemoryRegister"},
                 kNotOffered);
  }

 private:
  // There is none, so there is nothing to tell and nothing to let go.
  static constexpr auto kNothing = [](const auto& call) { call->End({}); };
  static constexpr auto kNotOffered = [](const auto& call) { call->End(Fail(Code::kUnprocessable, kNoSharedMemory)); };

  template <typename Request, typename Response, typename Handler>
  grpc::ServerUnaryReactor* Start(grpc::CallbackServerContext& context, const Request& request, Response& response,
                                  const Method& method, Handler handler) {
    return UnaryCall<Request, Response>::Start(calls_, context, request, response, method, std::move(handler));
  }

  // Waits for the model, and has `write` fill the response.
  template <typename Call, typename Write>
  void Describe(const Call& call, Write write) {
    calls_.context().infer.Describe(ReferenceOf(call->request.name(), call->request.version()),
                                    call->exchange.patience.deadline,
                                    [call, write](Result<ModelDescription> description) {
                                      if (!description) return call->End(std::unexpected(description.error()));
                                      write(call, *description);
                                      call->End({});
                                    });
  }

  // A load or unload. Settings for the one load are refused.
  template <typename Call>
  void Change(const Call& call, void (Repository::*change)(const std::string&, Deadline, Registry::Done) const) {
    for (const auto& [name, value] : call->request.parameters()) {
      if (name == "unload_dependents") continue;
      return call->End(
          InvalidArgument("'parameters." + name + "' is not taken: a model's settings and files stand in its folder",
                          "parameters." + name));
    }
    (calls_.context().repository.*change)(call->request.model_name(), call->exchange.patience.deadline,
                                          [call](const Status& done) { call->End(done); });
  }

  Calls& calls_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewOipService(Calls& calls) { return std::make_unique<OipService>(calls); }

}  // namespace weir::rpc
