// docs/errors.md says what the mappings do.
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string>

#include "base/test_paths.h"
#include "codec/error.h"
#include "codec/sentiment_json.h"
#include "rpc/call.h"

namespace weir::rpc {
namespace {

std::string_view NameOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::INVALID_ARGUMENT: return "INVALID_ARGUMENT";
    case grpc::StatusCode::UNAUTHENTICATED: return "UNAUTHENTICATED";
    case grpc::StatusCode::PERMISSION_DENIED: return "PERMISSION_DENIED";
    case grpc::StatusCode::NOT_FOUND: return "NOT_FOUND";
    case grpc::StatusCode::FAILED_PRECONDITION: return "FAILED_PRECONDITION";
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return "RESOURCE_EXHAUSTED";
    case grpc::StatusCode::DEADLINE_EXCEEDED: return "DEADLINE_EXCEEDED";
    case grpc::StatusCode::CANCELLED: return "CANCELLED";
    case grpc::StatusCode::UNAVAILABLE: return "UNAVAILABLE";
    case grpc::StatusCode::INTERNAL: return "INTERNAL";
    default: return "another";  // foreign enum: Weir answers with none of the rest
  }
}

// The string behind a key of a flat JSON text; empty when it has none.
std::string ValueOf(const std::string& json, const std::string& key) {
  const std::size_t begin = json.find("\"" + key + "\":\"");
  if (begin == std::string::npos) return "";
  const std::size_t from = begin + key.size() + 4;
  return json.substr(from, json.find('"', from) - from);
}

TEST(Errors, AreDocumentedAsTheyAreMapped) {
  std::ifstream file(SourceDir() / "docs" / "errors.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  for (int number = 0; number <= static_cast<int>(Code::kInternal); ++number) {
    const Error error{static_cast<Code>(number), "why"};
    const std::string service = ValueOf(codec::SentimentError(error, "id"), "error_code");
    const std::string row =
        fmt::format("| `{}` | {} | `{}` | `{}` | {}{}{} |", CodeName(error.code), codec::HttpStatus(error.code),
                    NameOf(GrpcCode(error.code)), ValueOf(codec::OpenAiError(error), "type"),
                    codec::SentimentStatus(error), service.empty() ? "" : " ", service);
    EXPECT_THAT(page, ::testing::HasSubstr(row));
  }
}

}  // namespace
}  // namespace weir::rpc
