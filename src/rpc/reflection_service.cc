#include "rpc/reflection_service.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <array>
#include <set>
#include <vector>

#include "reflection.grpc.pb.h"
#include "reflection_v1alpha.grpc.pb.h"

namespace weir::rpc {
namespace {

constexpr std::array<const char*, 4> kServices = {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                                  "grpc.reflection.v1alpha.ServerReflection",
                                                  "inference.GRPCInferenceService"};

const google::protobuf::DescriptorPool& Pool() { return *google::protobuf::DescriptorPool::generated_pool(); }

// The file and all that it imports.
template <typename Response>
void AddFiles(const google::protobuf::FileDescriptor& file, std::set<std::string>& seen, Response& response) {
  if (!seen.insert(file.name()).second) return;
  google::protobuf::FileDescriptorProto description;
  file.CopyTo(&description);
  response.add_file_descriptor_proto(description.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFiles(*file.dependency(i), seen, response);
}

template <typename Response>
void Refuse(Response& response, grpc::StatusCode code, const std::string& why) {
  response.mutable_error_response()->set_error_code(code);
  response.mutable_error_response()->set_error_message(why);
}

template <typename Response>
void AnswerFile(const google::protobuf::FileDescriptor* file, const std::string& name, Response& response) {
  if (file == nullptr) return Refuse(response, grpc::StatusCode::NOT_FOUND, "there is no '" + name + "'");
  std::set<std::string> seen;
  AddFiles(*file, seen, *response.mutable_file_descriptor_response());
}

template <typename Request, typename Response>
void Answer(const Request& request, Response& response) {
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kListServices:
      for (const char* name : kServices) response.mutable_list_services_response()->add_service()->set_name(name);
      return;
    case Request::kFileByFilename:
      return AnswerFile(Pool().FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
    case Request::kFileContainingSymbol:
      return AnswerFile(Pool().FindFileContainingSymbol(request.file_containing_symbol()),
                        request.file_containing_symbol(), response);
    case Request::kFileContainingExtension:
    case Request::kAllExtensionNumbersOfType:
      return Refuse(response, grpc::StatusCode::NOT_FOUND, "no message has extensions");
    case Request::MESSAGE_REQUEST_NOT_SET:
      return Refuse(response, grpc::StatusCode::INVALID_ARGUMENT, "message_request is missing");
  }
}

// Question after question. Keeps itself alive until gRPC is done with it.
template <typename Request, typename Response>
class Conversation final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  void Begin() { this->StartRead(&request_); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::OK);
    response_.Clear();
    Answer(request_, response_);
    this->StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::CANCELLED);
    this->StartRead(&request_);
  }
  void OnDone() override { delete this; }

  Request request_;
  Response response_;
};

// With keys, it takes one, as what it tells is for those who may infer.
template <typename Service, typename Request, typename Response>
class Reflection final : public Service {
 public:
  Reflection(Calls& calls, const Method& method) : calls_(calls), method_(method) {}

  grpc::ServerBidiReactor<Request, Response>* ServerReflectionInfo(grpc::CallbackServerContext* context) override {
    auto* conversation = new Conversation<Request, Response>();  // deletes itself
    CallExchange opening(*context, method_);
    const Status begun = opening.Begin(calls_);
    if (begun) {
      conversation->Begin();
    } else {
      conversation->Finish(GrpcStatus(begun));
    }
    return conversation;
  }

 private:
  Calls& calls_;
  const Method method_;
};

}  // namespace

std::unique_ptr<grpc::Service> NewReflectionService(Calls& calls) {
  namespace v1 = grpc::reflection::v1;
  using Service =
      Reflection<v1::ServerReflection::CallbackService, v1::ServerReflectionRequest, v1::ServerReflectionResponse>;
  return std::make_unique<Service>(calls, Method{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"});
}

std::unique_ptr<grpc::Service> NewReflectionServiceAlpha(Calls& calls) {
  namespace v1alpha = grpc::reflection::v1alpha;
  using Service = Reflection<v1alpha::ServerReflection::CallbackService, v1alpha::ServerReflectionRequest,
                             v1alpha::ServerReflectionResponse>;
  return std::make_unique<Service>(calls, Method{"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"});
}

}  // namespace weir::rpc
