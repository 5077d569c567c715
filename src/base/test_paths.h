// Where tests find the files of the checkout. ctest sets WEIR_SOURCE_DIR.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace weir {

inline std::filesystem::path SourceDir() {
  const char* dir = std::getenv("WEIR_SOURCE_DIR");
  return dir != nullptr ? dir : std::filesystem::current_path();
}
inline std::filesystem::path ExampleModels() { return SourceDir() / "examples" / "models"; }
inline std::filesystem::path DemoModels() { return SourceDir() / "models"; }

}  // namespace weir
