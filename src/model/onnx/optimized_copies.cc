#include "model/onnx/optimized_copies.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>

namespace weir {
namespace {

namespace fs = std::filesystem;

std::string Hash(const std::string& text) { return fmt::format("{:016x}", std::hash<std::string>()(text)); }

// Changes when the graph does, also to one of the same size and time; empty when it cannot be looked at.
std::string Fingerprint(const fs::path& graph) {
  struct stat facts{};
  if (stat(graph.c_str(), &facts) != 0) return {};
  return fmt::format("{} {} {} {} {} {}", facts.st_size, facts.st_ino, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec,
                     facts.st_ctim.tv_sec, facts.st_ctim.tv_nsec);
}

// Copies of what the graph was before, on this machine; and what was left unfinished long ago.
void RemoveOthers(const fs::path& folder, const std::string& prefix, const fs::path& keep) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    const bool old =
        fs::last_write_time(entry->path(), ignored) < fs::file_time_type::clock::now() - std::chrono::hours(1);
    const bool unfinished = name.starts_with("part-") && !ignored && old;
    if (unfinished || (name.starts_with(prefix) && entry->path() != keep)) fs::remove_all(entry->path(), ignored);
  }
}

}  // namespace

std::optional<fs::path> OptimizedCopies::FindOrMake(const fs::path& graph, const Write& write) const {
  if (folder_.empty()) return std::nullopt;
  std::error_code error;
  const fs::path whole = fs::canonical(graph, error);
  const std::string fingerprint = error ? std::string() : Fingerprint(whole);
  if (fingerprint.empty()) return std::nullopt;
  const std::string prefix = Hash(whole.string()) + "-" + Hash(machine_) + "-";
  const fs::path copy = folder_ / (prefix + Hash(fingerprint));
  if (fs::exists(copy / kGraph, error)) return copy;

  fs::create_directories(folder_, error);
  std::string pattern = (folder_ / "part-XXXXXX").string();  // of its own, also beside another container's
  if (error || mkdtemp(pattern.data()) == nullptr) return std::nullopt;
  const fs::path part = pattern;
  const bool written = write(part) && Fingerprint(whole) == fingerprint;  // it may have been replaced meanwhile
  if (!written) {
    fs::remove_all(part, error);
    return std::nullopt;
  }
  fs::rename(part, copy, error);
  if (error) {  // another process was quicker, or the folder is gone
    fs::remove_all(part, error);
    return fs::exists(copy / kGraph, error) ? std::optional(copy) : std::nullopt;
  }
  RemoveOthers(folder_, prefix, copy);
  return copy;
}

void OptimizedCopies::Drop(const fs::path& copy) const {
  std::error_code ignored;
  fs::remove_all(copy, ignored);
}

std::string ProcessorSignature() {
  std::ifstream info("/proc/cpuinfo");
  std::string signature;
  for (std::string line; std::getline(info, line) && !line.empty();) {
    if (line.starts_with("model name") || line.starts_with("flags") || line.starts_with("Features")) signature += line;
  }
  return signature;
}

}  // namespace weir
