#include "model/onnx_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <tuple>

#include "base/nearest.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEntries = 10'000;
constexpr std::string_view kSuffix = ".onnx";

// The kinds of graph, best first; their order is the order of choice.
enum class Kind { kPlain, kFull, kUnknown, kInt8Here, kInt8, kUint8, kHalf, kFourBits };

std::string_view Note(Kind kind) {
  switch (kind) {
    case Kind::kPlain: return "the graph under its usual name";
    case Kind::kFull: return "full precision";
    case Kind::kUnknown: return "its name says nothing of its precision";
    case Kind::kInt8Here: return "8-bit integers for this processor: quick, answers differ a little";
    case Kind::kInt8: return "8-bit integers: answers differ a little";
    case Kind::kUint8: return "unsigned 8-bit integers: answers differ a little";
    case Kind::kHalf: return "16-bit floats: no quicker on a CPU, answers differ a little";
    case Kind::kFourBits: return "4 bits or less: answers differ";
  }
  return "";
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string_view FolderOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash + 1);
}
std::string_view NameOf(std::string_view path) { return path.substr(FolderOf(path).size()); }

// "avx512_vnni" in a name stands for its own bit, not for "avx512".
std::optional<bool> FitsProcessor(std::string_view name, const CpuTraits& cpu) {
  if (name.find("arm64") != name.npos || name.find("aarch64") != name.npos) return cpu.arm64;
  if (name.find("vnni") != name.npos) return cpu.avx512_vnni;
  if (name.find("avx512") != name.npos) return cpu.avx512;
  if (name.find("avx2") != name.npos) return cpu.avx2;
  return std::nullopt;
}

// The better of two files for this processor: the one that asks for more of it.
int Demand(std::string_view name) {
  if (name.find("vnni") != name.npos) return 0;
  if (name.find("avx512") != name.npos) return 1;
  return 2;
}

// Position of a full-precision name, or nullopt.
std::optional<int> FullPrecision(std::string_view stem) {
  constexpr std::array<std::string_view, 5> kNames = {"model_fp32", "model_optimized", "model_o2", "model_o1",
                                                      "model_o3"};
  const auto found = std::ranges::find(kNames, stem);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<int>(found - kNames.begin());
}

struct Ranked {
  OnnxCandidate candidate;
  std::tuple<Kind, int, bool> rank;  // kind, then within the kind, then sub-folder last
};

Kind KindOf(std::string_view stem, std::optional<bool> fits) {
  const auto has = [&](std::string_view word) { return stem.find(word) != stem.npos; };
  if (stem == "model") return Kind::kPlain;
  if (FullPrecision(stem)) return Kind::kFull;
  if (has("_q4") || has("int4") || has("bnb4") || has("_q2") || has("_q1")) return Kind::kFourBits;
  if (has("int8") || has("quantized") || has("_q8")) {
    if (fits.value_or(false)) return Kind::kInt8Here;
    return has("uint8") ? Kind::kUint8 : Kind::kInt8;
  }
  if (has("fp16") || has("float16") || has("bf16") || stem == "model_o4") return Kind::kHalf;
  return Kind::kUnknown;
}

// nullopt for a file that is none of model*.onnx and onnx/model*.onnx.
std::optional<Ranked> Rank(const std::string& path, const CpuTraits& cpu) {
  const std::string_view folder = FolderOf(path);
  const std::string name = Lower(NameOf(path));
  if ((!folder.empty() && folder != "onnx/") || !name.starts_with("model") || !name.ends_with(kSuffix)) return {};
  const std::string_view stem = std::string_view(name).substr(0, name.size() - kSuffix.size());
  const std::optional<bool> fits = FitsProcessor(stem, cpu);
  const Kind kind = KindOf(stem, fits);
  int within = kind == Kind::kFull ? *FullPrecision(stem) : 0;
  if (kind == Kind::kInt8Here) within = Demand(stem);
  OnnxCandidate candidate{
      .file = path, .note = std::string(Note(kind)), .lossy = kind >= Kind::kInt8Here, .fits = fits.value_or(true)};
  if (stem == "model_o3") candidate.note += ", with GELU approximated";
  if (!candidate.fits) candidate.note += "; made for another processor";
  return Ranked{std::move(candidate), {kind, within, !folder.empty()}};
}

std::vector<OnnxCandidate> Candidates(std::span<const std::string> paths, const CpuTraits& cpu) {
  std::vector<Ranked> ranked;
  for (const std::string& path : paths) {
    if (std::optional<Ranked> one = Rank(path, cpu)) ranked.push_back(std::move(*one));
  }
  std::ranges::sort(ranked, {}, [](const Ranked& one) {
    return std::tuple(!one.candidate.fits, one.rank, std::string_view(one.candidate.file));
  });
  std::vector<OnnxCandidate> candidates;
  for (Ranked& one : ranked) candidates.push_back(std::move(one.candidate));
  return candidates;
}

std::vector<std::string> Graphs(std::span<const std::string> paths) {
  std::vector<std::string> graphs;
  for (const std::string& path : paths) {
    if (path.ends_with(kSuffix)) graphs.push_back(path);
  }
  return graphs;
}

Result<std::string> FindWanted(std::span<const std::string> paths, const std::string& wanted) {
  const std::vector<std::string> graphs = Graphs(paths);
  if (std::ranges::find(graphs, wanted) != graphs.end()) return wanted;
  std::vector<std::string> same_name;
  for (const std::string& graph : graphs) {
    if (NameOf(graph) == wanted) same_name.push_back(graph);
  }
  if (same_name.size() == 1) return same_name[0];
  if (same_name.size() > 1) {
    return Fail(Code::kNotFound, fmt::format("has more than one file '{}': {}", wanted, fmt::join(same_name, ", ")));
  }
  std::string there = graphs.empty() ? "; it has no .onnx file" : DidYouMean(wanted, graphs);
  if (there.empty()) there = fmt::format("; it has {}", fmt::join(graphs, ", "));
  return Fail(Code::kNotFound, fmt::format("has no graph '{}'{}", wanted, there));
}

std::string WhyFirst(const std::vector<OnnxCandidate>& candidates) {
  const OnnxCandidate& first = candidates[0];
  if (first.file == "model.onnx") return "model.onnx comes first";
  if (first.file == "onnx/model.onnx") return "onnx/model.onnx comes after model.onnx, which is not there";
  std::string why = fmt::format("there is no model.onnx and no onnx/model.onnx; {}", first.note);
  if (first.lossy) why += "; there is no graph of full precision";
  return why;
}

std::unexpected<Error> NothingToChoose(std::span<const std::string> paths,
                                       const std::vector<OnnxCandidate>& candidates) {
  std::string message = "has no model.onnx, nor another model*.onnx, there or in onnx/";
  if (!candidates.empty()) {
    message = fmt::format("has no model.onnx for this processor, only {}; name it with --file to take it all the same",
                          candidates[0].file);
  } else if (const std::vector<std::string> graphs = Graphs(paths); !graphs.empty()) {
    message += fmt::format("; a graph of another name ({}) is taken when --file names it", graphs[0]);
  }
  return Fail(Code::kUnprocessable, std::move(message));
}

// Lists `folder`, and its sub-folders when `deeper`.
Status List(const fs::path& folder, const std::string& prefix, bool deeper, std::size_t& seen,
            std::vector<std::string>& files) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) continue;
    if (++seen > kMostEntries) {
      return Fail(Code::kUnprocessable,
                  fmt::format("{} has more than {} files: it is no model folder", folder.string(), kMostEntries));
    }
    std::error_code ignored;
    const bool is_folder = entry->is_directory(ignored);
    if (entry->is_regular_file(ignored) || (is_folder && name.ends_with(kSuffix))) {
      files.push_back(prefix + name);
    } else if (is_folder && deeper) {
      // A sub-folder that cannot be read counts as empty.
      if (Status listed = List(entry->path(), prefix + name + "/", false, seen, files);
          !listed && listed.error().code != Code::kNotFound) {
        return listed;
      }
    }
  }
  if (error) return Fail(Code::kNotFound, fmt::format("{} cannot be read: {}", folder.string(), error.message()));
  return {};
}

}  // namespace

CpuTraits CpuTraits::Here() {
#if defined(__x86_64__)
  return {.avx2 = __builtin_cpu_supports("avx2") > 0,
          .avx512 = __builtin_cpu_supports("avx512f") > 0,
          .avx512_vnni = __builtin_cpu_supports("avx512vnni") > 0};
#elif defined(__aarch64__)
  return {.arm64 = true};
#else
  return {};
#endif
}

Result<OnnxChoice> ChooseOnnxFile(std::span<const std::string> relative_paths, const std::string& wanted,
                                  const CpuTraits& cpu) {
  OnnxChoice choice{.considered = Candidates(relative_paths, cpu)};
  if (!wanted.empty()) {
    Result<std::string> found = FindWanted(relative_paths, wanted);
    if (!found) return Forward(found);
    choice.file = std::move(*found);
    choice.why = "it was asked for";
    const auto known = std::ranges::find(choice.considered, choice.file, &OnnxCandidate::file);
    choice.lossy = known != choice.considered.end() && known->lossy;
    return choice;
  }
  if (choice.considered.empty() || !choice.considered[0].fits) {
    return NothingToChoose(relative_paths, choice.considered);
  }
  choice.file = choice.considered[0].file;
  choice.lossy = choice.considered[0].lossy;
  choice.why = WhyFirst(choice.considered);
  return choice;
}

std::vector<std::string> ExternalDataNames(std::span<const std::string> relative_paths, std::string_view graph_file) {
  const std::string_view folder = FolderOf(graph_file);
  const std::string_view name = NameOf(graph_file);
  const std::string_view stem = name.substr(0, name.ends_with(kSuffix) ? name.size() - kSuffix.size() : name.size());
  const auto is_data = [&](std::string_view path, std::string_view start) {
    if (FolderOf(path) != folder || !NameOf(path).starts_with(start)) return false;
    std::string_view rest = NameOf(path).substr(start.size());
    if (!rest.starts_with("_data") && !rest.starts_with(".data")) return false;
    rest.remove_prefix(5);
    if (rest.empty()) return true;
    if (rest[0] == '_' || rest[0] == '.' || rest[0] == '-') rest.remove_prefix(1);
    return !rest.empty() && std::ranges::all_of(rest, [](unsigned char c) { return std::isdigit(c) != 0; });
  };
  std::vector<std::string> names;
  for (const std::string& path : relative_paths) {
    if (is_data(path, name) || is_data(path, stem)) names.push_back(path);
  }
  return names;
}

Result<std::vector<std::string>> ListModelFiles(const fs::path& folder) {
  std::vector<std::string> files;
  std::size_t seen = 0;
  Status listed = List(folder, "", true, seen, files);
  if (!listed) return Forward(listed);
  std::ranges::sort(files);
  return files;
}

std::uint64_t GraphBytes(const fs::path& folder, const std::string& graph_file) {
  const Result<std::vector<std::string>> files = ListModelFiles(folder);
  std::vector<std::string> counted = files ? ExternalDataNames(*files, graph_file) : std::vector<std::string>();
  counted.push_back(graph_file);
  std::uint64_t bytes = 0;
  for (const std::string& file : counted) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(folder / file, error);
    if (!error) bytes += size;
  }
  return bytes;
}

}  // namespace weir
