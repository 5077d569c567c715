#include "app/model_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "app/folder_hints.h"
#include "app/units.h"
#include "base/log.h"
#include "engine/tensor_servable.h"
#include "forecast/forecast_servable.h"
#include "forecast/kronos_manifest.h"
#include "model/onnx_files.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

bool SameFolder(const fs::path& a, const fs::path& b) {
  std::error_code ignored;
  return a == b || fs::equivalent(a, b, ignored);
}

// Files of which a tokenizer.json is made, and that a tensor model does not have.
bool IsTokenizerPart(const std::string& file) {
  static const std::array<std::string_view, 5> kParts = {"vocab.txt", "tokenizer_config.json", "spiece.model",
                                                         "sentencepiece.bpe.model", "merges.txt"};
  return std::ranges::find(kParts, file) != kParts.end();
}

// Bytes in memory for each byte of a file: ONNX Runtime packs weights for its kernels; a tokenizer's words become
// tables.
constexpr double kGraphFactor = 1.35;
constexpr double kTokenizerFactor = 8;

// A graph in the folder itself or in onnx/; a head needs one.
bool IsGraph(const std::string& file) {
  const std::size_t slash = file.find('/');
  const bool here = slash == file.npos || file.starts_with("onnx/");
  return here && file.ends_with(".onnx") && file != "head.onnx";
}

bool Holds(const std::vector<std::string>& files, std::string_view name) {
  return std::ranges::find(files, name) != files.end();
}

bool IsCandleModel(const std::vector<std::string>& files) { return Holds(files, forecast::kKronosManifest); }

// Of a candle model, whose graphs have names of their own, the one that takes most of the time.
Result<OnnxChoice> Choose(const std::vector<std::string>& files, const std::string& asked) {
  if (!IsCandleModel(files)) return ChooseOnnxFile(files, asked);
  return OnnxChoice{.file = std::string(forecast::kPredictorGraph) + ".onnx", .why = "a Kronos model"};
}

// The model within the limits that are set for all.
std::shared_ptr<const forecast::KronosModel> Limited(std::shared_ptr<const forecast::KronosModel> model,
                                                     const ForecastLimits& limits) {
  auto limited = std::make_shared<forecast::KronosModel>(*model);
  if (limits.max_context > 0) {
    limited->manifest.max_context = std::min(limits.max_context, limited->manifest.max_context);
  }
  if (limits.clip > 0) limited->manifest.clip = limits.clip;
  return limited;
}

// Of one of its runs.
Result<std::size_t> RowsOf(const forecast::KronosModel& model, const ForecastLimits& limits) {
  std::size_t rows = limits.rows;
  if (limits.cache_bytes > 0) {
    rows = std::min<std::size_t>(rows, limits.cache_bytes / model.RowBytes());
    if (rows == 0) {
      return Fail(Code::kUnprocessable, fmt::format("forecast.cache_bytes is {}: one row of this model takes {}",
                                                    SizeText(limits.cache_bytes), SizeText(model.RowBytes())));
    }
  }
  return rows;
}

}  // namespace

std::vector<VersionNumber> VersionsIn(const fs::path& folder) {
  std::vector<VersionNumber> versions;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const auto version = ParseVersion(entry->path().filename().string());
    if (version && entry->is_directory(ignored)) versions.push_back(*version);
  }
  if (versions.empty()) return {0};
  const Result<std::vector<std::string>> files = ListModelFiles(folder);
  if (files && std::ranges::any_of(*files, IsGraph)) return {0};
  std::ranges::sort(versions, std::greater());
  return versions;
}

fs::path NewestIn(const fs::path& folder) {
  const VersionNumber newest = VersionsIn(folder).front();
  return newest == 0 ? folder : folder / std::to_string(newest);
}

fs::path RestOf(const fs::path& folder, const fs::path& version) {
  std::error_code ignored;
  const bool shared = version != folder && !fs::exists(version / "tokenizer.json", ignored) &&
                      fs::exists(folder / "tokenizer.json", ignored);
  return shared ? folder : version;
}

bool IsModelName(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, good);
}

Result<std::vector<std::string>> ModelNames(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && entry->is_directory(ignored)) names.push_back(std::move(name));
  }
  if (error) {
    return Fail(error == std::errc::permission_denied ? Code::kPermissionDenied : Code::kNotFound,
                fmt::format("the models folder {} cannot be read: {}", folder.string(), error.message()));
  }
  std::ranges::sort(names);
  return names;
}

Status ModelFolders::AddAll(const fs::path& folder) {
  Result<std::vector<std::string>> names = ModelNames(folder);
  if (!names) return Forward(names);
  const MutexLock lock(mu_);
  for (const std::string& name : *names) {
    Result<std::string> added = Add({.folder = folder / name});
    if (!added) return Forward(added);
    Watch(*added, folder / name);
  }
  roots_.push_back(folder);
  return {};
}

void ModelFolders::Watch(const std::string& name, const fs::path& folder) {
  watchlist_.Know(name, folder);
  for (const VersionNumber version : sources_[name].versions) {
    if (version != 0) watchlist_.Know(ReferenceOf(name, version), folder / std::to_string(version));
  }
}

ModelChanges ModelFolders::Rescan(bool& pending) {
  const MutexLock lock(mu_);
  std::map<std::string, fs::path> present;  // models
  std::map<std::string, fs::path> folders;  // and their versions
  for (const fs::path& root : roots_) {
    const Result<std::vector<std::string>> names = ModelNames(root);
    if (!names) continue;  // the whole folder is gone: so are its models
    for (const std::string& name : *names) {
      if (!present.try_emplace(name, root / name).second) continue;
      folders.emplace(name, root / name);
      for (const VersionNumber version : VersionsIn(root / name)) {
        if (version != 0) folders.emplace(ReferenceOf(name, version), root / name / std::to_string(version));
      }
    }
  }
  const FolderChanges found = watchlist_.Look(folders, pending);
  std::set<std::string> touched;
  for (const auto* list : {&found.added, &found.changed, &found.removed}) {
    for (const std::string& reference : *list) touched.emplace(ParseReference(reference).name);
  }
  ModelChanges changes;
  for (const std::string& name : touched) Take(name, present[name], found, changes);
  return changes;
}

bool ModelFolders::LookAt(const std::string& name) {
  if (!IsModelName(name)) return false;
  const MutexLock lock(mu_);
  const auto known = sources_.find(name);
  std::error_code ignored;
  if (known != sources_.end()) {
    const fs::path folder = known->second.source.folder;
    if (!fs::is_directory(folder, ignored)) return false;
    known->second.versions = VersionsIn(folder);
    if (watchlist_.Knows(name)) Watch(name, folder);
    return true;
  }
  for (const fs::path& root : roots_) {
    const fs::path folder = root / name;
    if (name.starts_with('.') || !fs::is_directory(folder, ignored)) continue;
    sources_.insert_or_assign(name, Known{.source = {.folder = folder}, .versions = VersionsIn(folder)});
    Watch(name, folder);
    return true;
  }
  return false;
}

void ModelFolders::Take(const std::string& name, const fs::path& folder, const FolderChanges& found,
                        ModelChanges& changes) {
  if (!watchlist_.Knows(name)) {
    if (sources_.erase(name) > 0) changes.removed.push_back(name);
    return;
  }
  std::vector<VersionNumber> versions = VersionsIn(folder);
  std::erase_if(versions, [&](VersionNumber version) REQUIRES(mu_) {
    return version != 0 && !watchlist_.Knows(ReferenceOf(name, version));  // it has not come to rest
  });
  if (versions.empty()) return;
  const bool known = sources_.contains(name);
  sources_.insert_or_assign(name, Known{.source = {.folder = folder}, .versions = versions});
  if (!known) return changes.added.push_back(name);
  changes.changed.push_back(name);
  // Files in the model's own folder are those of all versions.
  const bool all = std::ranges::find(found.changed, name) != found.changed.end();
  for (const VersionNumber version : versions) {
    const std::string reference = ReferenceOf(name, version);
    if (all || std::ranges::find(found.changed, reference) != found.changed.end()) changes.renewed.push_back(reference);
  }
}

Result<std::string> ModelFolders::AddOne(ModelSource source) {
  const MutexLock lock(mu_);
  return Add(std::move(source));
}

Result<std::string> ModelFolders::Add(ModelSource source) {
  // "models/minilm/" and "." end in no name of their own.
  const fs::path& folder = source.folder;
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(folder, error);
  if (error || !fs::is_directory(whole, error)) {
    return Fail(Code::kNotFound, fmt::format("there is no model folder {}", folder.string()));
  }
  const bool named = folder.has_filename() && folder.filename() != "." && folder.filename() != "..";
  std::string name = source.name.empty() ? (named ? folder : whole).filename().string() : source.name;
  // A name with odd bytes is refused at load, with this name in lists and metrics.
  std::ranges::replace_if(name, [](char c) { return c < ' ' || c > '~'; }, '?');
  const auto [place, fresh] = sources_.try_emplace(name, Known{.source = source, .versions = {}});
  if (fresh) place->second.versions = VersionsIn(folder);
  if (!fresh) {
    ModelSource& known = place->second.source;
    if (!SameFolder(known.folder, folder) || (!known.file.empty() && !source.file.empty())) {
      return Fail(Code::kConflict,
                  fmt::format("there are two models '{}': {} and {}", name, known.folder.string(), folder.string()));
    }
    if (known.file.empty()) known.file = source.file;
  }
  return name;
}

std::vector<std::string> ModelFolders::Names() const {
  std::vector<std::string> names;
  const MutexLock lock(mu_);
  for (const auto& [name, source] : sources_) names.push_back(name);
  return names;
}

std::vector<VersionNumber> ModelFolders::VersionsOf(const std::string& name) const {
  const MutexLock lock(mu_);
  const auto found = sources_.find(name);
  return found == sources_.end() ? std::vector<VersionNumber>() : found->second.versions;
}

Result<ModelFolders::Place> ModelFolders::PlaceOf(const std::string& reference) const {
  const ModelReference parts = ParseReference(reference);
  ModelSource source;
  {
    const MutexLock lock(mu_);
    const auto found = sources_.find(std::string(parts.name));
    if (found == sources_.end()) {
      return Fail(Code::kNotFound, fmt::format("there is no folder of a model '{}'", parts.name));
    }
    source = found->second.source;
  }
  if (!IsModelName(parts.name)) {
    return Fail(Code::kUnprocessable,
                fmt::format("'{}' is no name for a model: letters, digits, '.', '_' and '-' are allowed", parts.name));
  }
  const fs::path version = parts.version ? source.folder / std::to_string(*parts.version) : NewestIn(source.folder);
  return Place{.graphs = version, .rest = RestOf(source.folder, version), .file = source.file};
}

std::filesystem::path ModelFolders::GraphOf(const std::string& reference) const {
  const Result<Place> place = PlaceOf(reference);
  if (!place) return {};
  const Result<std::vector<std::string>> files = ListModelFiles(place->graphs);
  if (!files) return {};
  const Result<OnnxChoice> graph = Choose(*files, place->file);
  return graph ? place->graphs / graph->file : fs::path();
}

Result<ModelFolders::Contents> ModelFolders::Look(const std::string& reference) const {
  Result<Place> place = PlaceOf(reference);
  if (!place) return Forward(place);
  Result<std::vector<std::string>> files = ListModelFiles(place->graphs);
  if (!files) return Forward(files);
  const bool candles = IsCandleModel(*files);
  Result<OnnxChoice> graph = Choose(*files, place->file);
  if (!graph) {
    return Fail(Code::kUnprocessable, fmt::format("{} {}{}", place->graphs.string(), graph.error().message,
                                                  ConverterHint(place->graphs, *files)));
  }
  const bool text = !candles && (place->rest != place->graphs || Holds(*files, "tokenizer.json"));
  const auto part = std::ranges::find_if(*files, IsTokenizerPart);
  if (!text && !candles && part != files->end()) {
    return Fail(Code::kUnprocessable,
                fmt::format("{} has {} but no tokenizer.json: save the tokenizer as a fast one (transformers' "
                            "AutoTokenizer does by default)",
                            place->graphs.string(), *part));
  }
  return Contents{.place = std::move(*place),
                  .files = std::move(*files),
                  .graph = std::move(*graph),
                  .text = text,
                  .candles = candles};
}

Result<LoadPlan> ModelFolders::Plan(const std::string& reference) {
  const Result<Contents> contents = Look(reference);
  if (!contents) return std::unexpected(contents.error());
  LoadPlan plan;
  const auto add = [&plan](const fs::path& file, double factor) {
    const Result<FileIdentity> identity = FileIdentity::Of(file);
    const bool known =
        identity && std::ranges::any_of(plan.files, [&](const LoadFile& one) { return one.identity == *identity; });
    if (!identity || known) return;  // what is not there is told by who reads it
    plan.files.push_back({*identity, static_cast<std::uint64_t>(static_cast<double>(identity->size) * factor)});
  };
  const fs::path& graphs = contents->place.graphs;
  std::vector<std::string> named{contents->graph.file};
  if (contents->candles) named = forecast::KronosGraphs();
  for (const std::string& graph : named) {
    add(graphs / graph, kGraphFactor);
    for (const std::string& data : ExternalDataNames(contents->files, graph)) add(graphs / data, kGraphFactor);
  }
  if (contents->text) {
    add(contents->place.rest / "tokenizer.json", kTokenizerFactor);
    add(contents->place.rest / "head.onnx", kGraphFactor);
  }
  return plan;
}

Result<std::string> ModelFolders::ChooseDevice(const std::string& reference) {
  return backend_.ChooseDevice(device_of_ ? device_of_(ParseReference(reference).name) : kCpu);
}

Result<std::shared_ptr<const Servable>> ModelFolders::LoadOn(const std::string& reference, const std::string& device) {
  const Result<Contents> contents = Look(reference);
  if (!contents) return std::unexpected(contents.error());
  const OnnxChoice& graph = contents->graph;
  if (graph.lossy) log::Warn("model '{}' runs {}: {}", reference, graph.file, graph.why);
  const fs::path file = contents->place.graphs / graph.file;
  const fs::path& rest = contents->place.rest;
  if (contents->candles) {
    auto model = forecast::LoadKronos(backend_, contents->place.graphs);
    if (!model) return Forward(model);
    auto limited = Limited(std::move(*model), forecast_);
    const auto rows = RowsOf(*limited, forecast_);
    if (!rows) return std::unexpected(rows.error());
    return forecast::MakeForecastServable(std::move(limited), {.rows = *rows, .runs = forecast_.runs});
  }
  if (contents->text) return texts_.Load(reference, rest, file.lexically_relative(rest), device);
  Result<std::shared_ptr<const Model>> model = backend_.LoadOn(file, device);
  if (!model) return Forward(model);
  return MakeTensorServable(std::move(*model));
}

}  // namespace weir::app
