#include "codec/error.h"

#include "codec/json_writer.h"

namespace weir::codec {
namespace {

std::string_view OpenAiType(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kUnprocessable:
    case Code::kNotFound:
    case Code::kTooLarge:
    case Code::kConflict: return "invalid_request_error";
    case Code::kUnauthenticated: return "authentication_error";
    case Code::kPermissionDenied: return "permission_error";
    case Code::kResourceExhausted: return "rate_limit_error";
    case Code::kDeadlineExceeded:
    case Code::kCancelled:
    case Code::kUnavailable:
    case Code::kInternal: return "server_error";
  }
  return "server_error";
}

// For clients that read it: exact, where the header has whole seconds.
void WriteWhenToRetry(JsonWriter& json, const Error& error) {
  if (!error.limit.empty()) json.Key("limit").String(error.limit);
  if (error.retry_after.count() > 0) json.Key("retry_after_ms").Int(error.retry_after.count());
}

}  // namespace

int HttpStatus(Code code) {
  switch (code) {
    case Code::kInvalidArgument: return 400;
    case Code::kUnauthenticated: return 401;
    case Code::kPermissionDenied: return 403;
    case Code::kUnprocessable: return 422;
    case Code::kNotFound: return 404;
    case Code::kTooLarge: return 413;
    case Code::kConflict: return 409;
    case Code::kResourceExhausted: return 429;
    case Code::kDeadlineExceeded: return 504;
    case Code::kCancelled: return 499;  // nginx's "client closed request": seen in metrics, by nobody else
    case Code::kUnavailable: return 503;
    case Code::kInternal: return 500;
  }
  return 500;
}

std::string OpenAiError(const Error& error) {
  JsonWriter json;
  json.BeginObject().Key("error").BeginObject();
  json.Key("message").String(error.message).Key("type").String(OpenAiType(error.code)).Key("param");
  if (error.field.empty()) {
    json.Null();
  } else {
    json.String(error.field);
  }
  json.Key("code").String(error.code == Code::kNotFound && error.field == "model" ? "model_not_found"
                                                                                  : CodeName(error.code));
  WriteWhenToRetry(json, error);
  json.EndObject().EndObject();
  return json.Take();
}

std::string OipError(const Error& error) {
  JsonWriter json;
  json.BeginObject().Key("error").String(error.message);
  WriteWhenToRetry(json, error);
  json.EndObject();
  return json.Take();
}

}  // namespace weir::codec
