// A converted Kronos model: four graphs that share nothing but their folder.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "forecast/candle.h"
#include "forecast/kronos_manifest.h"
#include "model/model.h"

namespace weir::forecast {

// Immutable and shared; one copy of the weights for all who run it.
struct KronosModel {
  KronosManifest manifest;
  std::shared_ptr<const Model> encoder;
  std::shared_ptr<const Model> predictor;
  std::shared_ptr<const Model> second_head;
  std::shared_ptr<const Model> decoder;

  // Bytes of keys and values that one row of a batch holds.
  std::size_t RowBytes() const;
  std::uint64_t weight_bytes() const;
};

// Blocks. The error names the file that is missing, or what in it does not fit the manifest.
Result<std::shared_ptr<const KronosModel>> LoadKronos(Backend& backend, const std::filesystem::path& folder);

}  // namespace weir::forecast
