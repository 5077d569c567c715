// Which file of a model folder is the graph, and which files belong to it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

// What a file's name may ask of the processor ("model_qint8_avx512_vnni.onnx"). Value type.
struct CpuTraits {
  bool arm64 = false;
  bool avx2 = false;
  bool avx512 = false;
  bool avx512_vnni = false;

  // Of the processor this runs on.
  static CpuTraits Here();
};

// A graph file as its name describes it. Value type.
struct OnnxCandidate {
  std::string file;    // relative to the model folder: "onnx/model_quantized.onnx"
  std::string note;    // "8-bit integers: smaller and faster, answers differ a little"
  bool lossy = false;  // its answers differ from the reference by more than rounding
  bool fits = true;    // false: made for another processor
};

// The graph that is taken, and why. Value type.
struct OnnxChoice {
  std::string file;
  std::string why;  // for people: "model.onnx comes first"
  bool lossy = false;
  std::vector<OnnxCandidate> considered;  // all of them, best first
};

// Chooses the graph among `relative_paths` (files of one folder, with '/'). Pure.
//
// `wanted`, when not empty, is taken whatever its name; its folder may be left out when that leaves no doubt.
// Otherwise, in this order, a file in the folder itself before one in onnx/:
//   1. model.onnx, then onnx/model.onnx
//   2. full precision under another name: model_fp32, model_optimized, model_O2, model_O1, model_O3 (the last
//      approximates GELU)
//   3. model*.onnx with a name that says nothing of its precision
//   4. 8 bits: for this processor by name (avx512_vnni, avx512, avx2, arm64), then signed, then unsigned
//   5. 16 bits (fp16, bf16, O4): no quicker on a CPU
//   6. 4 bits and less (q4, q4f16, bnb4)
// because answers equal to the reference come before speed. A file for another processor is never chosen unasked.
//
// kNotFound when `wanted` is not there (with the nearest name); kUnprocessable when nothing can be chosen: the message
// goes on after the folder's name ("has no model.onnx, ...").
Result<OnnxChoice> ChooseOnnxFile(std::span<const std::string> relative_paths, const std::string& wanted,
                                  const CpuTraits& cpu = CpuTraits::Here());

// The files among `relative_paths` that hold weights of `graph_file`, by the names that exporters give them:
// model.onnx_data, model.onnx_data_1, model.onnx.data, model.data, model_data. Pure.
std::vector<std::string> ExternalDataNames(std::span<const std::string> relative_paths, std::string_view graph_file);

// The files of a model folder, relative, sorted: its own and those of its sub-folders (onnx/, 1_Pooling/), no deeper,
// so that links in a circle do no harm; hidden names are left out. A folder called *.onnx counts as a file, so that
// whoever opens it can say what is wrong. Blocks while folders are read. kNotFound when it cannot be read,
// kUnprocessable when it has more than 10,000 entries.
Result<std::vector<std::string>> ListModelFiles(const std::filesystem::path& folder);

// Bytes of a graph (relative to `folder`) and of its external data, by ExternalDataNames. Blocks on the disk; what
// cannot be read counts as nothing.
std::uint64_t GraphBytes(const std::filesystem::path& folder, const std::string& graph_file);

}  // namespace weir
