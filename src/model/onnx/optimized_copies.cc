#include "model/onnx/optimized_copies.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <string>

#include "base/log.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

std::string Hash(const std::string& text) { return fmt::format("{:016x}", std::hash<std::string>()(text)); }

// Changes when the graph does; empty when it cannot be looked at.
std::string Fingerprint(const fs::path& graph) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(graph, error);
  if (error) return {};
  const auto time = fs::last_write_time(graph, error).time_since_epoch().count();
  return error ? std::string() : fmt::format("{} {}", size, time);
}

// Copies of what the graph was before.
void RemoveOthers(const fs::path& folder, const std::string& prefix, const fs::path& keep) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with(prefix) && entry.path() != keep)
      fs::remove_all(entry.path(), error);
  }
}

}  // namespace

std::optional<fs::path> OptimizedCopies::FindOrMake(const fs::path& graph, const Write& write) const {
  if (folder_.empty()) return std::nullopt;
  std::error_code error;
  const fs::path whole = fs::canonical(graph, error);
  const std::string fingerprint = error ? std::string() : Fingerprint(whole);
  if (fingerprint.empty()) return std::nullopt;
  const std::string prefix = Hash(whole.string()) + "-";
  const fs::path copy = folder_ / (prefix + Hash(fingerprint + machine_));
  if (fs::exists(copy / kGraph, error)) return copy;

  static std::atomic<int> number = 0;
  const fs::path part = folder_ / fmt::format("part-{}-{}", getpid(), ++number);
  fs::create_directories(part, error);
  if (error || !write(part)) {
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
