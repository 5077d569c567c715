// The JSON Schema of a configuration file.
#include <fmt/format.h>

#include <map>
#include <vector>

#include "app/config.h"
#include "app/model_settings.h"
#include "app/options.h"
#include "codec/json_writer.h"

namespace weir::app {
namespace {

using codec::JsonWriter;

void WriteWords(JsonWriter& json, const std::vector<std::string>& words) {
  json.Key("enum").BeginArray();
  for (const std::string& word : words) json.String(word);
  json.EndArray();
}

void WriteCount(JsonWriter& json, const ValueForm& form) {
  json.Key("type").String("integer").Key("minimum").Int(static_cast<std::int64_t>(form.least));
  json.Key("maximum").Int(static_cast<std::int64_t>(form.most));
}

// The fields of an object that is the schema of one value.
void WriteForm(JsonWriter& json, const ValueForm& form) {
  switch (form.kind) {
    case ValueForm::Kind::kText: json.Key("type").String("string"); break;
    case ValueForm::Kind::kReal: json.Key("type").String("number"); break;
    case ValueForm::Kind::kFlag: json.Key("type").String("boolean"); break;
    case ValueForm::Kind::kWords: WriteWords(json, form.words); break;
    case ValueForm::Kind::kTime: json.Key("type").String("string").Key("pattern").String("^[0-9]+(ms|s|m|h)$"); break;
    case ValueForm::Kind::kSize:
      json.Key("anyOf").BeginArray().BeginObject().Key("type").String("integer").Key("minimum").Int(0).EndObject();
      json.BeginObject().Key("type").String("string").Key("pattern").String("^[0-9]+([KMG]i?B|B)?$").EndObject();
      json.EndArray();
      break;
    case ValueForm::Kind::kCount:
      if (form.words.empty()) return WriteCount(json, form);
      json.Key("anyOf").BeginArray().BeginObject();
      WriteCount(json, form);
      json.EndObject().BeginObject();
      WriteWords(json, form.words);
      json.EndObject().EndArray();
      break;
  }
}

// A map of models, each with a map of its settings; or NAME.SETTING=VALUE, one or a list of them.
void WriteModels(JsonWriter& json) {
  constexpr char kOne[] = R"(^.+\.[a-z_]+=.*$)";
  json.Key("anyOf").BeginArray().BeginObject().Key("type").String("string").Key("pattern").String(kOne).EndObject();
  json.BeginObject().Key("type").String("array").Key("items").BeginObject().Key("type").String("string");
  json.Key("pattern").String(kOne).EndObject().EndObject().BeginObject();
  json.Key("type").String("object").Key("additionalProperties").BeginObject();
  json.Key("type").String("object").Key("additionalProperties").Bool(false).Key("properties").BeginObject();
  for (const auto& [key, form] : ModelSettingForms()) {
    json.Key(key).BeginObject();
    WriteForm(json, form);
    json.EndObject();
  }
  json.EndObject().EndObject().EndObject().EndArray();
}

// A default that is the same everywhere.
void WriteDefault(JsonWriter& json, const Option& option, const std::string& shown) {
  if (option.form.kind == ValueForm::Kind::kFlag) {
    json.Key("default").Bool(shown == "true");
  } else if (const auto count = ParseCount(shown, 0, option.form.most); count && option.form.most > 0) {
    json.Key("default").Int(static_cast<std::int64_t>(*count));
  } else if (!shown.empty()) {
    json.Key("default").String(shown);
  }
}

void WriteOption(JsonWriter& json, const Option& option, const Config& defaults) {
  json.BeginObject().Key("description").String(option.help);
  if (option.by_model) {
    WriteModels(json);
  } else if (option.list) {  // one item may stand for itself
    json.Key("anyOf").BeginArray().BeginObject();
    WriteForm(json, option.form);
    json.EndObject().BeginObject().Key("type").String("array").Key("items").BeginObject();
    WriteForm(json, option.form);
    json.EndObject().EndObject().EndArray();
  } else {
    WriteForm(json, option.form);
    if (option.rule.empty()) WriteDefault(json, option, option.show(defaults));
  }
  json.EndObject();
}

void WriteReference(JsonWriter& json, const std::string& key) {
  json.BeginObject().Key("$ref").String("#/$defs/" + key).EndObject();
}

// A pattern that the key alone matches.
std::string Exactly(const std::string& key) {
  std::string pattern = "^";
  for (const char c : key) pattern += c == '.' ? "\\." : std::string(1, c);
  return pattern + "$";
}

}  // namespace

std::string ConfigSchema() {
  const Config defaults;
  // The settings of each section; those without one have it for themselves.
  std::map<std::string, std::vector<std::string>> sections;
  JsonWriter json;
  json.BeginObject().Key("$schema").String("https://json-schema.org/draft/2020-12/schema");
  json.Key("title").String("Settings of Weir").Key("type").String("object").Key("additionalProperties").Bool(false);
  json.Key("$defs").BeginObject();
  for (const Option& option : Options()) {
    json.Key(option.key);
    WriteOption(json, option, defaults);
    sections[option.key.substr(0, option.key.find('.'))].push_back(option.key);
  }
  json.EndObject().Key("properties").BeginObject();
  for (const auto& [section, keys] : sections) {
    json.Key(section);
    if (keys[0] == section) {
      WriteReference(json, section);
      continue;
    }
    json.BeginObject().Key("type").BeginArray().String("object").String("null").EndArray();
    json.Key("additionalProperties").Bool(false).Key("properties").BeginObject();
    for (const std::string& key : keys) {
      json.Key(key.substr(section.size() + 1));
      WriteReference(json, key);
    }
    json.EndObject().EndObject();
  }
  // In one line, as 'weir config show' has them: right, but not what an editor should propose.
  json.EndObject().Key("patternProperties").BeginObject();
  for (const auto& [section, keys] : sections) {
    for (const std::string& key : keys) {
      if (key == section) continue;
      json.Key(Exactly(key));
      WriteReference(json, key);
    }
  }
  return json.EndObject().EndObject().Take();
}

}  // namespace weir::app
