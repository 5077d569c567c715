#include "base/machine.h"

#include <sched.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

namespace weir {
namespace {

namespace fs = std::filesystem;

// A hierarchy of control groups: where it is mounted, and which of its groups we are in.
struct Hierarchy {
  fs::path mount;
  fs::path group;  // below `mount`
};

std::vector<std::string> Split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, by);) parts.push_back(part);
  return parts;
}

bool Has(const std::string& list, std::string_view item) { return std::ranges::count(Split(list, ','), item) > 0; }

std::vector<std::string> Lines(const fs::path& file) {
  std::vector<std::string> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The whitespace-separated words of a file; none when it cannot be read.
std::vector<std::string> Words(const fs::path& file) {
  std::vector<std::string> words;
  std::ifstream stream(file);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::optional<std::int64_t> Number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The group of this process: "ID:CONTROLLERS:PATH" in /proc/self/cgroup, where v2 has no controllers.
std::optional<std::string> GroupOf(const fs::path& root, std::string_view controller) {
  for (const std::string& line : Lines(root / "proc/self/cgroup")) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? names.empty() : Has(names, controller)) return line.substr(second + 1);
  }
  return std::nullopt;
}

// Where the hierarchy is mounted, from proc_pid_mountinfo(5). In a container the mount may show only our own
// group: then its root is the prefix of the group's path.
std::optional<Hierarchy> FindHierarchy(const fs::path& root, std::string_view controller) {
  const std::optional<std::string> group = GroupOf(root, controller);
  if (!group) return std::nullopt;
  for (const std::string& line : Lines(root / "proc/self/mountinfo")) {
    const std::vector<std::string> fields = Split(line, ' ');
    const auto dash = std::ranges::find(fields, "-");
    if (fields.size() < 7 || fields.end() - dash < 4) continue;
    const std::string& type = dash[1];
    const bool wanted = controller.empty() ? type == "cgroup2" : type == "cgroup" && Has(dash[3], controller);
    if (!wanted) continue;
    const fs::path mount = root / fs::path(fields[4]).relative_path();
    const fs::path below = fs::path(*group).lexically_relative(fields[3]);
    const bool outside = below.empty() || below == "." || *below.begin() == "..";
    return Hierarchy{mount, outside ? fs::path() : below};
  }
  return std::nullopt;
}

// The least value that `read` finds in our group or in one above it.
template <typename Read>
auto Tightest(const std::optional<Hierarchy>& hierarchy, Read read) -> decltype(read(fs::path())) {
  decltype(read(fs::path())) least;
  if (!hierarchy) return least;
  for (fs::path group = hierarchy->group;; group = group.parent_path()) {
    const auto found = read(hierarchy->mount / group);
    if (found && (!least || *found < *least)) least = found;
    if (group.empty()) return least;
  }
}

// cpu.max: "max 100000" or "150000 100000".
std::optional<double> QuotaV2(const fs::path& group) {
  const std::vector<std::string> words = Words(group / "cpu.max");
  if (words.size() != 2) return std::nullopt;
  const auto quota = Number(words[0]);
  const auto period = Number(words[1]);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<std::int64_t> OneNumber(const fs::path& file) {
  const std::vector<std::string> words = Words(file);
  return words.size() == 1 ? Number(words[0]) : std::nullopt;
}

// A quota of -1 is none.
std::optional<double> QuotaV1(const fs::path& group) {
  const auto quota = OneNumber(group / "cpu.cfs_quota_us");
  const auto period = OneNumber(group / "cpu.cfs_period_us");
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<std::uint64_t> Bytes(const fs::path& file) {
  const auto bytes = OneNumber(file);  // "max" is no number
  if (!bytes || *bytes <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(*bytes);
}

template <typename T>
std::optional<T> Least(std::optional<T> a, std::optional<T> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

std::uint64_t PhysicalMemory(const fs::path& root) {
  for (const std::string& line : Lines(root / "proc/meminfo")) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t kib = 0;
    if (words >> name >> kib && name == "MemTotal:") return kib << 10U;
  }
  return 0;
}

std::size_t AllowedCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // More cores than the set can hold make the call fail.
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return static_cast<std::size_t>(std::max(1, CPU_COUNT(&set)));
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

std::size_t Machine::cores() const {
  if (!cpu_quota) return std::max<std::size_t>(allowed_cores, 1);
  const double whole = std::max(1.0, std::ceil(*cpu_quota));
  return static_cast<std::size_t>(std::clamp(static_cast<double>(allowed_cores), 1.0, whole));
}

std::uint64_t Machine::memory() const {
  const std::uint64_t physical = physical_memory == 0 ? std::numeric_limits<std::uint64_t>::max() : physical_memory;
  return std::min(physical, memory_limit.value_or(physical));
}

Machine ReadMachine(const fs::path& root, std::size_t allowed_cores) {
  const std::optional<Hierarchy> unified = FindHierarchy(root, "");
  Machine machine;
  machine.allowed_cores = allowed_cores;
  machine.cpu_quota = Least(Tightest(unified, QuotaV2), Tightest(FindHierarchy(root, "cpu"), QuotaV1));
  machine.physical_memory = PhysicalMemory(root);
  const auto v2 = Tightest(unified, [](const fs::path& group) { return Bytes(group / "memory.max"); });
  const auto v1 = Tightest(FindHierarchy(root, "memory"),
                           [](const fs::path& group) { return Bytes(group / "memory.limit_in_bytes"); });
  machine.memory_limit = Least(v2, v1);
  // Version 1 writes "no limit" as a number beyond any memory.
  if (machine.memory_limit && *machine.memory_limit > (std::uint64_t{1} << 60U)) machine.memory_limit.reset();
  return machine;
}

const Machine& ThisMachine() {
  static const Machine machine = ReadMachine("/", AllowedCores());
  return machine;
}

std::uint64_t ShareOfMemory(const Machine& machine, std::uint64_t part, std::uint64_t most) {
  const std::uint64_t share = std::max<std::uint64_t>(machine.memory() / part >> 20U, 1);
  return std::min(share, most >> 20U) << 20U;
}

std::vector<CpuFeature> CpuFeatures() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return {{"sse4.2", __builtin_cpu_supports("sse4.2") != 0},
          {"avx2", __builtin_cpu_supports("avx2") != 0},
          {"fma", __builtin_cpu_supports("fma") != 0},
          {"avx512f", __builtin_cpu_supports("avx512f") != 0},
          {"avx512vnni", __builtin_cpu_supports("avx512vnni") != 0}};
#elif defined(__aarch64__)
  // The kernel's list of the first core; the names are its own.
  std::string found;
  for (const std::string& line : Lines("/proc/cpuinfo")) {
    if (line.starts_with("Features")) found = line + " ";
  }
  std::vector<CpuFeature> features;
  for (const char* name : {"asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve"}) {
    features.push_back({name, found.find(" " + std::string(name) + " ") != std::string::npos});
  }
  return features;
#else
  return {};
#endif
}

}  // namespace weir
