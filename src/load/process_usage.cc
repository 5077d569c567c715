#include "load/process_usage.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace weir::load {
namespace {

Result<std::string> ReadProc(pid_t pid, std::string_view name) {
  std::ifstream file(fmt::format("/proc/{}/{}", pid, name));
  if (!file) return Fail(Code::kNotFound, fmt::format("there is no process {} on this machine", pid));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

double SecondsOf(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

double OwnCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return SecondsOf(usage.ru_utime) + SecondsOf(usage.ru_stime);
}

Result<double> CpuSecondsOf(pid_t pid) {
  Result<std::string> stat = ReadProc(pid, "stat");
  if (!stat) return Forward(stat);
  // "PID (NAME) STATE ...": the name may hold anything, so count from its end. utime and stime are fields 14 and 15.
  std::istringstream fields(stat->substr(std::min(stat->rfind(')') + 1, stat->size())));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

Result<double> ResidentBytesOf(pid_t pid) {
  Result<std::string> statm = ReadProc(pid, "statm");
  if (!statm) return Forward(statm);
  std::istringstream fields(*statm);
  double whole = 0;
  double resident = 0;
  fields >> whole >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace weir::load
