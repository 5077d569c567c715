// The JSON files of a model folder and the weights of its modules. The first byte chooses the file; the others are
// sound.
#include <unistd.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "text/text_folder.h"

namespace {

namespace fs = std::filesystem;

struct File {
  const char* name;
  std::string_view sound;  // empty: absent unless chosen
};

// A header of 69 bytes with its length before it, then two by two weights.
constexpr std::string_view kWeights(
    "\x45\0\0\0\0\0\0\0{\"linear.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}"
    "\0\0\x80\x3f\0\0\x80\x3f\0\0\x80\x3f\0\0\x80\x3f",
    8 + 69 + 16);
constexpr std::string_view kModules = R"([{"type":"sentence_transformers.models.Transformer","path":""},)"
                                      R"({"type":"sentence_transformers.models.Pooling","path":"1_Pooling"},)"
                                      R"({"type":"sentence_transformers.models.Dense","path":"2_Dense"}])";

// Chosen by '0' to '7'.
constexpr std::array<File, 8> kFiles = {{{"config.json", ""},
                                         {"1_Pooling/config.json", ""},
                                         {"modules.json", kModules},
                                         {"tokenizer_config.json", ""},
                                         {"sentence_bert_config.json", ""},
                                         {"config_sentence_transformers.json", ""},
                                         {"2_Dense/config.json", R"({"in_features":2,"out_features":2,"bias":false})"},
                                         {"2_Dense/model.safetensors", kWeights}}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const fs::path folder = fs::temp_directory_path() / ("weir_fuzz_folder_" + std::to_string(::getpid()));
  const std::size_t chosen = static_cast<std::size_t>(data[0] + 256 - '0') % kFiles.size();
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (std::size_t i = 0; i < kFiles.size(); ++i) {
    const std::string_view content = i == chosen ? bytes : kFiles[i].sound;
    if (i != chosen && content.empty()) continue;
    const fs::path file = folder / kFiles[i].name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
  }
  const auto read = weir::ReadTextFolder(folder);
  if (read && (read->max_tokens == 0 || read->modules.pooling.empty())) __builtin_trap();
  if (!read && read.error().message.empty()) __builtin_trap();
  if (read) {
    for (const weir::VectorStep& step : read->modules.steps) {
      const auto width = weir::WidthAfter(step, 0);
      if (!width) __builtin_trap();
    }
  }
  fs::remove_all(folder);
  return 0;
}
