// Bodies of /v2/models/{model}/infer and of the small calls of /v2/repository, and what a server tells of a model; for
// a model with an input of every kind of type.
#include <cstdint>
#include <string_view>

#include "codec/model_json.h"
#include "codec/oip.h"
#include "infer/named_tensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using weir::DataType;
  static const weir::Manifest manifest = {.platform = "fuzz",
                                          .inputs = {{"A", DataType::kFp32, {-1, -1}}, {"B", DataType::kInt8, {-1}}},
                                          .outputs = {{"A", DataType::kFp32, {-1, -1}}, {"B", DataType::kInt8, {-1}}},
                                          .weight_bytes = 0};
  static const weir::Manifest flags = {.platform = "fuzz",
                                       .inputs = {{"A", DataType::kBool, {-1}}, {"B", DataType::kBytes, {-1}}},
                                       .outputs = {{"A", DataType::kBool, {-1}}, {"B", DataType::kBytes, {-1}}},
                                       .weight_bytes = 0};
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  (void)weir::codec::SplitInfer(body, body.substr(0, body.find('{')));
  (void)weir::codec::ParseRepositoryIndex(body);
  (void)weir::codec::CheckRepositoryCall(body);
  (void)weir::codec::ParseModelSettings(body, std::chrono::seconds(300));
  (void)weir::codec::DescribeModelStatus(body);
  (void)weir::codec::ReadErrorMessage(body, 500);
  // What stands behind the first byte 1, which JSON never has, is binary data.
  const std::size_t end = std::min(body.find('\x01'), body.size());
  const std::string_view binary = end == body.size() ? std::string_view() : body.substr(end + 1);
  const auto parsed = weir::codec::ParseInfer({body.substr(0, end), binary}, nullptr);
  if (!parsed) return 0;
  (void)weir::codec::WriteInfer("m", {}, {.version = "1", .outputs = parsed->inputs, .times = {}});
  (void)weir::codec::WriteInfer("m", {.all_binary = true}, {.version = "1", .outputs = parsed->inputs, .times = {}});
  for (const weir::Manifest* model : {&manifest, &flags}) {
    const auto inputs = weir::ArrangeInputs(*model, parsed->inputs);
    if (!inputs || !weir::CheckOutputs(*model, parsed->outputs)) continue;
    for (std::size_t i = 0; i < inputs->size(); ++i) {
      if (!weir::CheckAgainst(model->inputs[i], (*inputs)[i])) __builtin_trap();
    }
    (void)weir::TakeOutputs(*model, parsed->outputs, *inputs, {});
  }
  return 0;
}
