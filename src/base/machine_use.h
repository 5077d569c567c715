// How much of the machine is in use, now.
#pragma once

#include <cstdint>

namespace weir {

// Bytes; 0 where nobody says. Value type.
struct MachineUse {
  std::uint64_t process_resident = 0;
  std::uint64_t memory = 0;  // of the machine, or of the tightest control group when that has less
  std::uint64_t memory_available = 0;
  std::uint64_t disk = 0;  // of the file system of the working folder
  std::uint64_t disk_free = 0;

  double memory_percent() const { return PercentOf(memory - memory_available, memory); }
  double disk_percent() const { return PercentOf(disk - disk_free, disk); }

 private:
  static double PercentOf(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
  }
};

// Blocks for two small files.
MachineUse ReadMachineUse();

}  // namespace weir
