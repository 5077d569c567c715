// Configuration files.
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "app/config.h"
#include "base/log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("weir_fuzz_config_" + std::to_string(::getpid()) + ".yaml");
  weir::log::SetLevel("off");
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  weir::app::Config config;
  const weir::Status loaded = weir::app::LoadConfig(file, config);
  if (!loaded && loaded.error().message.empty()) __builtin_trap();
  std::filesystem::remove(file);
  return 0;
}
