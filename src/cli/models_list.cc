// `weir models ls` and `weir models rm`.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <utility>

#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/models.h"
#include "cli/pull_progress.h"
#include "codec/json_writer.h"

namespace weir::cli {
namespace {

void PrintTable(const std::vector<app::StoredModel>& models, const std::string& folder) {
  if (models.empty()) {
    fmt::print("no models in {}\n", folder);
    return;
  }
  std::size_t name_width = 4;
  std::size_t file_width = 4;
  for (const app::StoredModel& model : models) {
    name_width = std::max(name_width, model.name.size());
    file_width = std::max(file_width, model.file.size());
  }
  fmt::print("{:<{}}  {:<14}  {:>9}  {:<{}}  {}\n", "NAME", name_width, "KIND", "SIZE", "FILE", file_width, "SOURCE");
  for (const app::StoredModel& model : models) {
    if (model.problem.empty()) {
      fmt::print("{:<{}}  {:<14}  {:>9}  {:<{}}  {}\n", model.name, name_width, model.kind, BytesText(model.bytes),
                 model.file, file_width, model.source);
    } else {
      fmt::print("{:<{}}  not served: it {}\n", model.name, name_width, model.problem);
    }
  }
}

// JSON is UTF-8, names of files need not be.
std::string Plain(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

void PrintJson(const std::vector<app::StoredModel>& models) {
  codec::JsonWriter json;
  json.BeginArray();
  for (const app::StoredModel& model : models) {
    json.BeginObject();
    json.Key("name").String(Plain(model.name));
    json.Key("kind").String(model.kind);
    json.Key("file").String(Plain(model.file));
    json.Key("bytes").Int(static_cast<std::int64_t>(model.bytes));
    json.Key("source").String(Plain(model.source));
    if (!model.problem.empty()) json.Key("problem").String(Plain(model.problem));
    json.EndObject();
  }
  json.EndArray();
  fmt::print("{}\n", json.Take());
}

}  // namespace

void AddModelsList(CLI::App& models, std::shared_ptr<const ModelsFlags> shared) {
  CLI::App* command = models.add_subcommand("ls", "List the models: kind, size, graph, where they come from");
  auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "As JSON");
  command->callback([as_json, shared = std::move(shared)] {
    const Result<std::vector<app::StoredModel>> found = shared->Store().List();
    QuitUnless(found);
    if (*as_json) {
      PrintJson(*found);
    } else {
      PrintTable(*found, shared->folder);
    }
  });
}

void AddModelsRemove(CLI::App& models, std::shared_ptr<const ModelsFlags> shared) {
  CLI::App* command = models.add_subcommand("rm", "Remove a model from the models folder");
  auto name = std::make_shared<std::string>();
  auto force = std::make_shared<bool>(false);
  command->add_option("name", *name, "Its name")->required();
  command->add_flag("--force", *force, "Also a folder with files of its own, which are gone then");
  command->footer("Links are removed, never what they lead to: the hub's cache stays as it is.");
  command->callback([name, force, shared = std::move(shared)] {
    const Result<std::string> removed = shared->Store().Remove(*name, *force);
    QuitUnless(removed);
    fmt::print("{}\n", *removed);
  });
}

}  // namespace weir::cli
