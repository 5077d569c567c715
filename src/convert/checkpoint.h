// A published model: config.json and model.safetensors in one folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "folder/json_file.h"
#include "folder/safetensors.h"
#include "model/tensor.h"

namespace weir::convert {

// Confined to one thread.
class Checkpoint {
 public:
  // Blocks while both files are read. kNotFound when one is missing, kUnprocessable when it is not what its name says.
  static Result<Checkpoint> Open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  // Of config.json; an error names file and entry.
  Status Read(const std::string& key, std::int64_t least, std::int64_t most, std::int64_t& into) const;
  const JsonFile& config() const { return config_; }

  // That the file holds these tensors in these shapes, and beside them nothing but `unused`. The error names the first
  // that is missing, unexpected or of another shape.
  Status Check(const std::map<std::string, Shape>& expected, const std::set<std::string>& unused) const;
  // One of those that Check has found, as FP32.
  Tensor Take(const std::string& name) const;

 private:
  Checkpoint(std::filesystem::path folder, JsonFile config, std::string bytes,
             std::map<std::string, SafetensorsEntry> entries);

  std::filesystem::path folder_;
  JsonFile config_;
  std::unique_ptr<const std::string> bytes_;  // where the entries lie
  std::map<std::string, SafetensorsEntry> entries_;
};

}  // namespace weir::convert
