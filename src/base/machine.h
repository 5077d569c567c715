// What the machine, or the container on it, gives this process: cores, memory, instructions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace weir {

// Value type. Limits that control groups set count with those of every group above them.
struct Machine {
  std::size_t allowed_cores = 1;              // those that the scheduler may run this process on
  std::optional<double> cpu_quota;            // cores' worth of time that the tightest control group grants
  std::uint64_t physical_memory = 0;          // bytes; 0 when unknown
  std::optional<std::uint64_t> memory_limit;  // bytes, of the tightest control group

  // Threads that can run at the same time: the smaller of both, the quota rounded up. At least 1.
  std::size_t cores() const;
  // Bytes this process may use; the greatest number when nobody says.
  std::uint64_t memory() const;
};

// Reads /proc and the control groups (v1, v2, or both at once) below `root`. Never fails: what cannot be
// read does not limit. Blocks for a few small files.
Machine ReadMachine(const std::filesystem::path& root, std::size_t allowed_cores);

// This process's, read once. Thread-safe.
const Machine& ThisMachine();

// A default of `most` bytes, but on a small machine not more than 1/`part` of its memory (and at least 1 MiB),
// in whole MiB.
std::uint64_t ShareOfMemory(const Machine& machine, std::uint64_t part, std::uint64_t most);

struct CpuFeature {
  std::string name;  // "avx2"
  bool present = false;
};
// Those that matter to matrix products on this architecture, the least demanding first; empty where we
// cannot tell.
std::vector<CpuFeature> CpuFeatures();

}  // namespace weir
