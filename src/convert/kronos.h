// From the published layout of Kronos models to a folder that Weir serves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "forecast/kronos_manifest.h"

namespace weir::convert {

struct KronosOptions {
  std::filesystem::path model;              // folder of Kronos-small
  std::filesystem::path tokenizer;          // folder of Kronos-Tokenizer-base
  std::filesystem::path out;                // made when it is not there; files in it are replaced
  std::optional<std::int64_t> max_context;  // else 2048 for the size of Kronos-mini, 512 for all others
  double clip = 5;
  DataType cache_type = DataType::kFp32;  // or FP16: of the keys and values that a forecast keeps
};

// Told before each step of the work, with the share that is done.
using OnStep = std::function<void(std::string_view step, double done)>;

// Blocks: seconds. Writes graphs and manifest; nothing is left in `out` when it fails. The error names the file and the
// tensor or entry that does not fit.
Result<forecast::KronosManifest> ConvertKronos(const KronosOptions& options, const OnStep& on_step);

}  // namespace weir::convert
