#include "base/machine_use.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "base/machine.h"

namespace weir {

MachineUse ReadMachineUse() {
  MachineUse use{.memory = std::min(ThisMachine().memory(), ThisMachine().physical_memory)};
  std::ifstream statm("/proc/self/statm");
  std::uint64_t whole = 0;
  std::uint64_t resident = 0;
  if (statm >> whole >> resident) use.process_resident = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  std::uint64_t kilobytes = 0;
  for (std::string unit; meminfo >> name >> kilobytes && std::getline(meminfo, unit);) {
    if (name == "MemAvailable:") use.memory_available = std::min(kilobytes * 1024, use.memory);
  }
  std::error_code ignored;
  const auto space = std::filesystem::space(".", ignored);
  if (!ignored) {
    use.disk = space.capacity;
    use.disk_free = space.available;
  }
  return use;
}

}  // namespace weir
