#include "app/profile_store.h"

#include <fmt/format.h>

#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <vector>

#include "app/hub_place.h"
#include "app/model_folder.h"
#include "base/log.h"
#include "base/machine.h"
#include "base/user_folders.h"
#include "codec/cost_json.h"
#include "model/onnx/onnx_backend.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMostBytes = 1 << 20;

// Changes when the graph does: its name, size and time.
std::string FingerprintOf(const fs::path& graph) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(graph, error);
  const auto time = fs::last_write_time(graph, error).time_since_epoch().count();
  return error ? std::string() : fmt::format("{} of {} bytes, {}", graph.filename().string(), size, time);
}

// Beside the model first, then in the cache.
std::vector<fs::path> Places(const fs::path& graph) {
  std::error_code error;
  const fs::path folder = graph.parent_path();
  std::vector<fs::path> places;
  if (!fs::is_symlink(folder, error) && !PlaceInHub(fs::weakly_canonical(folder, error)))
    places.push_back(folder / kProfileFile);
  const fs::path cache = CacheFolder();
  const fs::path whole = fs::weakly_canonical(graph, error);
  if (!cache.empty() && !error) {
    places.push_back(cache / "profiles" / fmt::format("{:016x}.json", std::hash<std::string>()(whole.string())));
  }
  return places;
}

std::optional<codec::CostFile> Read(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error) || fs::file_size(file, error) > kMostBytes) return std::nullopt;
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  Result<codec::CostFile> costs = codec::ParseCosts(text);
  if (costs) return std::move(*costs);
  log::Warn("{}: {}; the costs are measured again", file.string(), costs.error().message);
  return std::nullopt;
}

// Beside the old one first, so that nobody reads half a file.
bool Write(const fs::path& file, const std::string& text) {
  const fs::path part = file.string() + fmt::format(".{}.part", getpid());
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  {
    std::ofstream out(part, std::ios::binary);
    out << text << '\n';
    if (!out.flush()) {
      fs::remove(part, error);
      return false;
    }
  }
  fs::rename(part, file, error);
  if (error) fs::remove(part, error);
  return !error;
}

std::string Processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name") && line.find(": ") != std::string::npos) return line.substr(line.find(": ") + 2);
  }
  return "unknown processor";
}

}  // namespace

ProfileStore::ProfileStore(const ModelFolders& folders, std::string machine)
    : folders_(folders), machine_(std::move(machine)) {}

std::string ProfileStore::ThisMachine() {
  return fmt::format("{}, {} cores, ONNX Runtime {}", Processor(), weir::ThisMachine().cores(), OnnxRuntimeVersion());
}

fs::path ProfileStore::FileOf(const std::string& model) const {
  const fs::path graph = folders_.GraphOf(model);
  const std::string fingerprint = FingerprintOf(graph);
  if (fingerprint.empty()) return {};
  for (const fs::path& place : Places(graph)) {
    const std::optional<codec::CostFile> costs = Read(place);
    if (costs && costs->machine == machine_ && costs->model == fingerprint) return place;
  }
  return {};
}

std::optional<CostTable> ProfileStore::Find(const std::string& model) {
  const fs::path file = FileOf(model);
  if (file.empty()) return std::nullopt;
  const std::optional<codec::CostFile> costs = Read(file);
  return costs ? std::optional(costs->table) : std::nullopt;
}

void ProfileStore::Keep(const std::string& model, const CostTable& table) {
  const fs::path graph = folders_.GraphOf(model);
  const std::string fingerprint = FingerprintOf(graph);
  if (fingerprint.empty()) return;
  const std::string text = codec::WriteCosts({.machine = machine_, .model = fingerprint, .table = table});
  for (const fs::path& place : Places(graph)) {
    if (Write(place, text)) return;
  }
  log::Warn(
      "model '{}': its measured costs cannot be kept, neither beside it nor in the cache folder; they are measured "
      "again at the next start",
      model);
}

}  // namespace weir::app
