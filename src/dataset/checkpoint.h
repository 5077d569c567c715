// The small file beside an unfinished output.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "dataset/output.h"

namespace weir::dataset {

struct Checkpoint {
  RunIdentity identity;
  Progress progress;
  std::uint64_t bytes = 0;  // of the output that belong to it
};

// Replaces the file as a whole or not at all. Blocks.
Status WriteCheckpoint(const std::filesystem::path& file, const Checkpoint& checkpoint);
// kNotFound when there is none, kConflict when it cannot be understood.
Result<Checkpoint> ReadCheckpoint(const std::filesystem::path& file);

// Whether a run with identity `now` may go on with `before`; the error says what differs.
Status SameRun(const RunIdentity& before, const RunIdentity& now);

}  // namespace weir::dataset
