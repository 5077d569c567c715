// config.json, 1_Pooling/config.json and modules.json of a model folder. The first byte chooses the file.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "text/text_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  namespace fs = std::filesystem;
  static const fs::path folder = fs::temp_directory_path() / ("weir_fuzz_folder_" + std::to_string(::getpid()));
  constexpr const char* kFiles[] = {"config.json", "1_Pooling/config.json", "modules.json"};
  const fs::path file = folder / kFiles[data[0] % 3];
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(data) + 1, static_cast<std::streamsize>(size - 1));
  const auto read = weir::ReadTextFolder(folder);
  if (read && read->max_tokens == 0) __builtin_trap();
  if (!read && read.error().message.empty()) __builtin_trap();
  fs::remove_all(folder);
  return 0;
}
