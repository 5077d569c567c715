#include "convert/checkpoint.h"

#include <fmt/format.h>

#include <utility>

namespace weir::convert {
namespace {

constexpr char kConfig[] = "config.json";
constexpr char kWeights[] = "model.safetensors";
constexpr std::uintmax_t kMostWeightBytes = std::uintmax_t{8} << 30U;

std::unexpected<Error> Missing(const std::filesystem::path& folder, std::string_view file) {
  return Fail(Code::kNotFound, fmt::format("{} has no {}: give the folder of a published model, which holds {} and {}",
                                           folder.string(), file, kConfig, kWeights));
}

}  // namespace

Checkpoint::Checkpoint(std::filesystem::path folder, JsonFile config, std::string bytes,
                       std::map<std::string, SafetensorsEntry> entries)
    : folder_(std::move(folder)), config_(std::move(config)),
      bytes_(std::make_unique<const std::string>(std::move(bytes))), entries_(std::move(entries)) {}

Result<Checkpoint> Checkpoint::Open(const std::filesystem::path& folder) {
  auto config = JsonFile::Read(folder / kConfig);
  if (!config) return Forward(config);
  if (!*config) return Missing(folder, kConfig);
  auto bytes = ReadFolderFile(folder / kWeights, kMostWeightBytes);
  if (!bytes) return Forward(bytes);
  if (!*bytes) return Missing(folder, kWeights);
  // The entries refer to bytes that do not move any more.
  Checkpoint checkpoint(folder, std::move(**config), std::move(**bytes), {});
  auto entries = ListSafetensors(*checkpoint.bytes_, (folder / kWeights).string());
  if (!entries) return Forward(entries);
  checkpoint.entries_ = std::move(*entries);
  return checkpoint;
}

Status Checkpoint::Read(const std::string& key, std::int64_t least, std::int64_t most, std::int64_t& into) const {
  const JsonValue value = config_[key];
  if (!value) return config_.Refuse(fmt::format("'{}' is missing", key));
  const auto number = value.Whole();
  if (!number || *number < least || *number > most) {
    return config_.Refuse(fmt::format("'{}' must be a whole number from {} to {}", key, least, most));
  }
  into = *number;
  return {};
}

Status Checkpoint::Check(const std::map<std::string, Shape>& expected, const std::set<std::string>& unused) const {
  const std::string file = (folder_ / kWeights).string();
  for (const auto& [name, shape] : expected) {
    const auto found = entries_.find(name);
    if (found == entries_.end()) {
      return Fail(Code::kUnprocessable,
                  fmt::format("{} has no tensor '{}', which should be of shape {}", file, name, ShapeString(shape)));
    }
    if (found->second.shape != shape) {
      return Fail(Code::kUnprocessable, fmt::format("{}: tensor '{}' has shape {}; by {} it should be {}", file, name,
                                                    ShapeString(found->second.shape), kConfig, ShapeString(shape)));
    }
    if (!IsFloat(found->second.type)) {
      return Fail(Code::kUnprocessable, fmt::format("{}: tensor '{}' is of type {}; F32, F16 and BF16 are read", file,
                                                    name, found->second.type));
    }
  }
  for (const auto& [name, entry] : entries_) {
    if (expected.contains(name) || unused.contains(name)) continue;
    return Fail(Code::kUnprocessable,
                fmt::format("{} holds a tensor '{}' that such a model does not have: is it of another kind, or newer?",
                            file, name));
  }
  return {};
}

Tensor Checkpoint::Take(const std::string& name) const { return *AsFp32(entries_.at(name)); }

}  // namespace weir::convert
