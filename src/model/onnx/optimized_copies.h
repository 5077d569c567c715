// Graphs as ONNX Runtime has optimised them, kept so that the next start need not do it again.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>

#include "base/result.h"

namespace weir {

// A copy holds the optimised graph, and its weights in a file beside it that is mapped instead of read: MiniLM then
// loads in 0.09 s instead of 0.25 s and holds 45 MB of its own instead of 113 MB, since weights that are never touched
// (words that nobody uses) stay on the disk and others are shared by all processes. Copies lie in a cache folder, one
// for each graph, and are made again when the graph, ONNX Runtime or the processor is another. Thread-safe; blocks on
// the disk.
class OptimizedCopies {
 public:
  static constexpr const char* kGraph = "model.onnx";
  static constexpr const char* kWeights = "model.onnx_data";

  // `machine` is what else a copy depends on. An empty folder: no copies are kept.
  OptimizedCopies(std::filesystem::path folder, std::string machine)
      : folder_(std::move(folder)), machine_(std::move(machine)) {}

  // The copy's folder of this graph, made by `write` when there is none: it gets an empty folder to fill, and false
  // from it (or no room on the disk) leaves things as they were. nullopt when there is no copy.
  using Write = std::function<bool(const std::filesystem::path&)>;
  std::optional<std::filesystem::path> FindOrMake(const std::filesystem::path& graph, const Write& write) const;

  // A copy that could not be loaded is removed.
  void Drop(const std::filesystem::path& copy) const;

 private:
  const std::filesystem::path folder_;
  const std::string machine_;
};

// What optimised graphs depend on: the processor with its features.
std::string ProcessorSignature();

}  // namespace weir
