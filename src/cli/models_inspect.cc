// `weir models inspect`: what a model folder is to the server, and why.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include <stop_token>
#include <utility>

#include "app/inspection.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/models.h"
#include "cli/pull_progress.h"
#include "codec/json_writer.h"

namespace weir::cli {
namespace {

constexpr std::size_t kMostShown = 12;  // labels, prompts and special tokens on the terminal; --json has all

struct InspectFlags {
  std::string model;
  std::string file;
  bool json = false;
};

void Line(std::string_view label, std::string_view text) { fmt::print("{:<12}{}\n", label, text); }

// The first ones, and how many there are.
std::string Few(std::span<const std::string> words) {
  const std::size_t shown = std::min(words.size(), kMostShown);
  std::string text = fmt::format("{}", fmt::join(words.first(shown), ", "));
  if (shown < words.size()) text += fmt::format(", ... ({} in all)", words.size());
  return text;
}

std::string SpecText(const TensorSpec& spec) {
  return fmt::format("{} {} {}", spec.name, DataTypeName(spec.type), ShapeString(spec.shape));
}

std::vector<std::string> PoolingNames(const TextModel& model) {
  std::vector<std::string> names;
  for (const Pooling pooling : model.folder().modules.pooling) names.emplace_back(PoolingName(pooling));
  return names;
}

// The modules behind the pooling that this graph leaves to the server.
std::vector<std::string> StepNames(const TextModel& model) {
  std::vector<std::string> names;
  if (model.graph().kind == OutputKind::kTokens) {
    for (const VectorStep& step : model.folder().modules.steps) names.push_back(DescribeStep(step));
  }
  if (model.graph().kind != OutputKind::kLogits && model.folder().modules.normalize) names.emplace_back("normalize");
  if (model.has_head()) names.emplace_back("head.onnx");
  return names;
}

std::string_view SideName(Side side) { return side == Side::kLeft ? "left" : "right"; }

void PrintGraph(const app::Inspection& found) {
  Line("graph", fmt::format("{}: {}", found.graph.file, found.graph.why));
  for (const OnnxCandidate& other : found.graph.considered) {
    if (other.file != found.graph.file) Line("", fmt::format("not {}: {}", other.file, other.note));
  }
  const Manifest& manifest = found.servable->manifest();
  for (std::size_t i = 0; i < manifest.inputs.size(); ++i) Line(i == 0 ? "inputs" : "", SpecText(manifest.inputs[i]));
  for (std::size_t i = 0; i < manifest.outputs.size(); ++i) {
    const bool used = found.text && found.text->graph().output == i;
    Line(i == 0 ? "outputs" : "",
         SpecText(manifest.outputs[i]) +
             (used ? fmt::format("  <- used: {}", OutputKindName(found.text->graph().kind)) : ""));
  }
}

void PrintTokenizer(const TextModel& model) {
  const TokenizerFacts facts = model.tokenizer().Describe();
  const GraphInterface& graph = model.graph();
  Line("limit", fmt::format("{} tokens: {}", model.max_tokens(), model.folder().max_tokens_from));
  if (graph.alone) Line("", "one text at a time: the graph's batch is 1");
  if (!graph.masked) Line("", "only texts of one length together: the graph has no attention_mask");
  Line("tokenizer", fmt::format("{} of {} tokens, {} of them given to each text; cuts on the {}", facts.kind,
                                model.tokenizer().vocabulary(), model.tokenizer().special_tokens(),
                                SideName(model.folder().tokenizer.truncation_side)));
  if (!facts.special_tokens.empty()) Line("", "special: " + Few(facts.special_tokens));
}

void PrintAnswer(const TextModel& model) {
  const TextFolder& folder = model.folder();
  if (model.graph().kind == OutputKind::kTokens) {
    Line("pooling", fmt::format("{}{}", fmt::join(PoolingNames(model), " + "),
                                folder.modules.include_prompt ? "" : ", without the prompt"));
  }
  if (const auto steps = StepNames(model); !steps.empty()) Line("then", fmt::format("{}", fmt::join(steps, ", then ")));
  if (model.text_task() == TextTask::kEmbedding) {
    Line("vector",
         model.width() == 0 ? "the graph does not say how many values" : fmt::format("{} values", model.width()));
  } else {
    Line("labels", Few(model.labels()));
    Line("activation", fmt::format("{}: {}", ActivationName(model.activation().kind), model.activation().why));
  }
  std::vector<std::string> prompts;
  for (const auto& [name, text] : folder.prompts.by_name) {
    prompts.push_back(
        fmt::format("{} \"{}\"{}", name, text, name == folder.prompts.default_name ? " (by default)" : ""));
  }
  if (!prompts.empty()) Line("prompts", Few(prompts));
}

void PrintFiles(const app::Inspection& found) {
  std::uint64_t total = 0;
  for (const auto& [name, size] : found.files) total += size;
  Line("memory", fmt::format("{} after loading and one run; the files have {}",
                             found.resident == 0 ? "not known" : BytesText(found.resident), BytesText(total)));
  for (const auto& [name, size] : found.files) Line("", fmt::format("{:>9}  {}", BytesText(size), name));
}

void PrintText(const app::Inspection& found) {
  fmt::print("{}: {}\n", found.name, found.servable->task());
  Line("folder", found.folder);
  PrintGraph(found);
  if (found.text) {
    PrintTokenizer(*found.text);
    PrintAnswer(*found.text);
  }
  PrintFiles(found);
}

void WriteStrings(codec::JsonWriter& json, std::string_view key, std::span<const std::string> values) {
  json.Key(key).BeginArray();
  for (const std::string& value : values) json.String(value);
  json.EndArray();
}

void WriteSpecs(codec::JsonWriter& json, std::string_view key, std::span<const TensorSpec> specs) {
  json.Key(key).BeginArray();
  for (const TensorSpec& spec : specs) {
    json.BeginObject().Key("name").String(spec.name).Key("datatype").String(DataTypeName(spec.type));
    json.Key("shape").BeginArray();
    for (const std::int64_t size : spec.shape) json.Int(size);
    json.EndArray().EndObject();
  }
  json.EndArray();
}

void WriteGraph(codec::JsonWriter& json, const app::Inspection& found) {
  json.Key("graph").BeginObject().Key("file").String(found.graph.file).Key("why").String(found.graph.why);
  json.Key("lossy").Bool(found.graph.lossy).Key("considered").BeginArray();
  for (const OnnxCandidate& candidate : found.graph.considered) {
    json.BeginObject().Key("file").String(candidate.file).Key("note").String(candidate.note);
    json.Key("lossy").Bool(candidate.lossy).Key("fits").Bool(candidate.fits).EndObject();
  }
  json.EndArray().EndObject();
  WriteSpecs(json, "inputs", found.servable->manifest().inputs);
  WriteSpecs(json, "outputs", found.servable->manifest().outputs);
}

void WriteText(codec::JsonWriter& json, const TextModel& model) {
  const TextFolder& folder = model.folder();
  const TokenizerFacts facts = model.tokenizer().Describe();
  json.Key("output").BeginObject();
  json.Key("name").String(model.manifest().outputs[model.graph().output].name);
  json.Key("kind").String(OutputKindName(model.graph().kind)).Key("why").String(model.graph().why).EndObject();
  json.Key("max_tokens").Int(static_cast<std::int64_t>(model.max_tokens()));
  json.Key("max_tokens_from").String(folder.max_tokens_from);
  json.Key("tokenizer").BeginObject().Key("type").String(facts.kind);
  json.Key("vocabulary").Int(static_cast<std::int64_t>(model.tokenizer().vocabulary()));
  json.Key("special_tokens_per_text").Int(static_cast<std::int64_t>(model.tokenizer().special_tokens()));
  json.Key("truncation_side").String(SideName(folder.tokenizer.truncation_side));
  WriteStrings(json, "special_tokens", facts.special_tokens);
  json.EndObject();
  if (model.graph().kind == OutputKind::kTokens) {
    WriteStrings(json, "pooling", PoolingNames(model));
    json.Key("include_prompt").Bool(folder.modules.include_prompt);
  }
  WriteStrings(json, "steps", StepNames(model));
  if (model.text_task() == TextTask::kEmbedding) {
    json.Key("dimensions").Int(static_cast<std::int64_t>(model.width()));
    json.Key("normalize").Bool(folder.modules.normalize);
  } else {
    WriteStrings(json, "labels", model.labels());
    json.Key("activation").BeginObject().Key("name").String(ActivationName(model.activation().kind));
    json.Key("why").String(model.activation().why).EndObject();
  }
  json.Key("prompts").BeginObject();
  for (const auto& [name, text] : folder.prompts.by_name) json.Key(name).String(text);
  json.EndObject().Key("default_prompt_name");
  if (folder.prompts.default_name.empty()) {
    json.Null();
  } else {
    json.String(folder.prompts.default_name);
  }
}

void PrintJson(const app::Inspection& found) {
  codec::JsonWriter json;
  json.BeginObject().Key("name").String(found.name).Key("folder").String(found.folder);
  json.Key("task").String(found.servable->task());
  WriteGraph(json, found);
  if (found.text) WriteText(json, *found.text);
  json.Key("memory").BeginObject().Key("resident_bytes").Int(static_cast<std::int64_t>(found.resident));
  json.Key("files").BeginArray();
  for (const auto& [name, size] : found.files) {
    json.BeginObject().Key("file").String(name).Key("bytes").Int(static_cast<std::int64_t>(size)).EndObject();
  }
  json.EndArray().EndObject().EndObject();
  fmt::print("{}\n", json.Take());
}

void Inspect(const InspectFlags& flags, const ModelsFlags& shared) {
  log::SetLevel(log::Level::kOff);
  PullProgress progress;
  const Result<app::ModelSource> source =
      app::FindModel(flags.model, flags.file, {shared.folder}, progress, std::stop_token());
  QuitUnless(source);
  const Result<app::Inspection> found = app::InspectModel(*source);
  QuitUnless(found);
  if (flags.json) {
    PrintJson(*found);
  } else {
    PrintText(*found);
  }
}

}  // namespace

void AddModelsInspect(CLI::App& models, std::shared_ptr<const ModelsFlags> shared) {
  CLI::App* command = models.add_subcommand("inspect", "Load a model as the server does, and say what it is");
  auto flags = std::make_shared<InspectFlags>();
  command->add_option("model", flags->model, "A folder, the name of one under --models, or hf:ORG/NAME")->required();
  command->add_option("--file", flags->file, "The graph to take, instead of the one that comes first");
  command->add_flag("--json", flags->json, "Print JSON");
  command->footer(
      "Inputs, outputs, labels, limits, tokenizer, pooling, memory, and which graph is taken and why. A folder that\n"
      "cannot be served gets one sentence that says what is missing, and exit code 1.\n\n"
      "Example:\n"
      "  weir models inspect minilm");
  command->callback([flags, shared = std::move(shared)] { Inspect(*flags, *shared); });
}

}  // namespace weir::cli
