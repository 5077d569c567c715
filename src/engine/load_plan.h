// What a load will need, as its files tell before anything is built.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/file_cache.h"

namespace weir {

// A file whose content a model holds in memory.
struct LoadFile {
  FileIdentity identity;
  std::uint64_t bytes = 0;  // that it is expected to take there
};

struct LoadPlan {
  std::vector<LoadFile> files;  // each once
};

}  // namespace weir
