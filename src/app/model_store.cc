#include "app/model_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "app/folder_hints.h"
#include "app/hub_place.h"
#include "app/model_folder.h"
#include "app/profile_store.h"
#include "base/nearest.h"
#include "model/onnx_files.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> Cannot(const fs::path& place, std::string_view what, const std::error_code& error) {
  return Fail(Code::kInternal, fmt::format("{} cannot be {}: {}", place.string(), what, error.message()));
}

bool Exists(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

// Where a folder of links leads: its first link, read once; nullopt when it has a file of its own. What Weir itself
// measured of the model is not one.
std::optional<fs::path> LinksLeadTo(const fs::path& folder) {
  std::error_code error;
  std::optional<fs::path> target;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_symlink(ignored)) {
      if (!target) target = fs::read_symlink(entry->path(), ignored);
    } else if (!entry->is_directory(ignored) && entry->path().filename() != kProfileFile) {
      return std::nullopt;
    }
  }
  if (error || !target) return std::nullopt;
  return target;
}

std::string SourceOf(const fs::path& place) {
  std::error_code ignored;
  const bool is_link = fs::is_symlink(place, ignored);
  const std::optional<fs::path> target = is_link ? fs::read_symlink(place, ignored) : LinksLeadTo(place);
  if (!target) return "folder";
  if (const std::optional<HubPlace> hub = PlaceInHub(*target)) {
    return fmt::format("hf:{}@{}", hub->repository, hub->commit.substr(0, 12));
  }
  return is_link ? fmt::format("link to {}", target->string()) : "links to files";
}

// As far as file names tell; loading it would tell more, and take its time.
std::string KindOf(const std::vector<std::string>& files, const fs::path& folder) {
  const auto has = [&](std::string_view name) { return std::ranges::find(files, name) != files.end(); };
  if (!has("tokenizer.json")) return "tensor";
  if (has("head.onnx")) return "classification";
  if (has("modules.json") || has("1_Pooling/config.json")) return "embedding";
  return NamesClassifier(folder) ? "classification" : "embedding";
}

// A hidden name in the models folder, which no server takes for a model.
fs::path Hidden(const fs::path& folder, const std::string& name, std::string_view what) {
  return folder / fmt::format(".{}.{}.{}", name, what, ::getpid());
}

Status PlaceOne(const fs::path& source, const fs::path& place, bool copy) {
  std::error_code error;
  fs::create_directories(place.parent_path(), error);
  if (!error && copy) {
    fs::copy_file(source, place, error);
  } else if (!error) {
    fs::create_symlink(source, place, error);
  }
  if (error) return Cannot(place, "written", error);
  return {};
}

}  // namespace

StoredModel ModelStore::Look(const std::string& name) const {
  const fs::path place = PathOf(name);
  StoredModel model{.name = name, .source = SourceOf(place)};
  const fs::path folder = NewestIn(place);
  const Result<std::vector<std::string>> files = ListModelFiles(folder);
  const fs::path rest = RestOf(place, folder);
  const Result<std::vector<std::string>> beside = ListModelFiles(rest);
  if (!files || !beside) {
    model.problem = (files ? beside : files).error().message;
    return model;
  }
  const Result<OnnxChoice> graph = ChooseOnnxFile(*files, "");
  if (!graph) {
    model.problem = graph.error().message + ConverterHint(folder, *files);
    return model;
  }
  model.file = (folder / graph->file).lexically_relative(place).string();
  model.kind = KindOf(*beside, rest);
  model.bytes = GraphBytes(folder, graph->file);
  return model;
}

Result<std::vector<StoredModel>> ModelStore::List() const {
  Result<std::vector<std::string>> names = ModelNames(folder_);
  if (!names) return Forward(names);
  std::vector<StoredModel> models;
  for (const std::string& name : *names) models.push_back(Look(name));
  return models;
}

Status ModelStore::MayPlace(const std::string& name, const fs::path& source) const {
  if (!IsModelName(name) || name.starts_with('.')) {
    return InvalidArgument(fmt::format(
        "'{}' is no name for a model: letters, digits, '.', '_' and '-' are allowed; give one with --name", name));
  }
  const fs::path place = PathOf(name);
  if (!Exists(place)) return {};
  std::error_code ignored;
  const std::optional<fs::path> target =
      fs::is_symlink(place, ignored) ? fs::read_symlink(place, ignored) : LinksLeadTo(place);
  if (target) {
    const std::optional<HubPlace> now = PlaceInHub(*target);
    const std::optional<HubPlace> then = PlaceInHub(source);
    if (now && then && now->repository == then->repository) return {};
    if (!now && (*target == source || target->string().starts_with(source.string() + "/"))) return {};
  }
  return Fail(Code::kConflict, fmt::format("there is a model '{}' already ({}): choose another name with --name, or "
                                           "remove it first: weir models rm {}",
                                           name, SourceOf(place), name));
}

Status ModelStore::Swap(const fs::path& fresh, const std::string& name) const {
  const fs::path place = PathOf(name);
  const fs::path old = Hidden(folder_, name, "old");
  std::error_code error;
  if (Exists(place)) fs::rename(place, old, error);
  if (!error) fs::rename(fresh, place, error);
  std::error_code ignored;
  if (error) {
    if (Exists(old) && !Exists(place)) fs::rename(old, place, ignored);
    fs::remove_all(fresh, ignored);
    return Cannot(place, "written", error);
  }
  fs::remove_all(old, ignored);
  return {};
}

Status ModelStore::PlaceLink(const std::string& name, const fs::path& source) const {
  if (Status may = MayPlace(name, source); !may) return may;
  const fs::path fresh = Hidden(folder_, name, "new");
  std::error_code error;
  fs::remove_all(fresh, error);
  if (Status placed = PlaceOne(source, fresh, false); !placed) return placed;
  return Swap(fresh, name);
}

Status ModelStore::PlaceEach(const std::string& name, const fs::path& source, std::span<const std::string> files,
                             bool copy) const {
  if (Status may = MayPlace(name, source); !may) return may;
  const fs::path fresh = Hidden(folder_, name, "new");
  std::error_code ignored;
  fs::remove_all(fresh, ignored);
  for (const std::string& file : files) {
    if (Status placed = PlaceOne(source / file, fresh / file, copy); !placed) {
      fs::remove_all(fresh, ignored);
      return placed;
    }
  }
  return Swap(fresh, name);
}

Status ModelStore::PlaceFiles(const std::string& name, const fs::path& source,
                              std::span<const std::string> files) const {
  return PlaceEach(name, source, files, false);
}

Status ModelStore::PlaceCopy(const std::string& name, const fs::path& source,
                             std::span<const std::string> files) const {
  return PlaceEach(name, source, files, true);
}

Result<std::string> ModelStore::Remove(const std::string& name, bool force) const {
  const fs::path place = PathOf(name);
  // A name with a '/' would lead out of the models folder.
  if (name.empty() || name.starts_with('.') || name.find('/') != name.npos || !Exists(place)) {
    const Result<std::vector<std::string>> names = ModelNames(folder_);
    return Fail(Code::kNotFound, fmt::format("there is no model '{}' in {}{}", name, folder_.string(),
                                             names ? DidYouMean(name, *names) : ""));
  }
  std::error_code error;
  const std::string source = SourceOf(place);
  if (fs::is_symlink(place, error)) {
    fs::remove(place, error);
    if (error) return Cannot(place, "removed", error);
    return fmt::format("removed {} ({}); what it leads to is untouched", place.string(), source);
  }
  if (!fs::is_directory(place, error)) return InvalidArgument(fmt::format("{} is no model folder", place.string()));
  const bool only_links = LinksLeadTo(place).has_value();
  if (!only_links && !force) {
    return Fail(Code::kConflict, fmt::format("{} holds files of its own, not links: they would be gone for good; "
                                             "--force removes them",
                                             place.string()));
  }
  fs::remove_all(place, error);  // removes links, never what they lead to
  if (error) return Cannot(place, "removed", error);
  if (only_links) return fmt::format("removed {} ({}); the files that it led to are untouched", place.string(), source);
  return fmt::format("removed {} and the files in it", place.string());
}

}  // namespace weir::app
