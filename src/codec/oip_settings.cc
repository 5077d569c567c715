// Bodies of the logging and trace extensions.
#include <array>
#include <utility>

#include "codec/json_reader.h"
#include "codec/json_writer.h"
#include "codec/oip.h"

namespace weir::codec {
namespace {

const std::vector<std::string> kLogFields = {"log_file",  "log_info",          "log_warning",
                                             "log_error", "log_verbose_level", "log_format"};
const std::vector<std::string> kTraceFields = {"trace_level",   "trace_rate", "trace_count",
                                               "log_frequency", "trace_file", "trace_mode"};

// A text, or a list of texts; null has none.
Result<std::vector<std::string>> Values(const JsonObject& object, const std::string& key) {
  std::vector<std::string> values;
  const auto found = object.Find(key);
  if (!found) return std::unexpected(found.error());
  if (!*found) return values;
  simdjson::dom::array list;
  std::string_view text;
  if (!(*found)->get(text)) return std::vector<std::string>{std::string(text)};
  if ((*found)->get(list)) return InvalidArgument("'" + key + "' must be a string or a list of strings", key);
  for (const JsonElement item : list) {
    if (item.get(text)) return InvalidArgument("'" + key + "' must be a string or a list of strings", key);
    values.emplace_back(text);
  }
  return values;
}

}  // namespace

Result<LogChanges> ParseLogSettings(std::string_view body) {
  Result<JsonObject> object = ParseJsonObject(body);
  if (!object) return Forward(object);
  if (Status known = object->OnlyKnown(kLogFields); !known) return Forward(known);
  LogChanges changes;
  for (const auto& [key, place] : {std::pair("log_info", &changes.info), std::pair("log_warning", &changes.warning),
                                   std::pair("log_error", &changes.error)}) {
    const auto flag = object->FindBool(key);
    if (!flag) return std::unexpected(flag.error());
    *place = *flag;
  }
  const auto verbose = object->FindInt("log_verbose_level", 0, 1'000'000);
  if (!verbose) return std::unexpected(verbose.error());
  if (*verbose) changes.verbose = static_cast<std::uint64_t>(**verbose);
  auto file = object->FindString("log_file");
  if (!file) return Forward(file);
  changes.file = std::move(*file);
  auto format = object->FindString("log_format");
  if (!format) return Forward(format);
  changes.format = std::move(*format);
  return changes;
}

std::string WriteLogSettings() {
  const LogSettings now = CurrentLogSettings();
  JsonWriter json;
  json.BeginObject().Key("log_file").String("").Key("log_info").Bool(now.info).Key("log_warning").Bool(now.warning);
  json.Key("log_error").Bool(now.error).Key("log_verbose_level").Int(static_cast<std::int64_t>(now.verbose));
  return json.Key("log_format").String("default").EndObject().Take();
}

Status ParseTraceSettings(std::string_view body) {
  Result<JsonObject> object = ParseJsonObject(body);
  if (!object) return Forward(object);
  if (Status known = object->OnlyKnown(kTraceFields); !known) return known;
  for (const std::string& key : kTraceFields) {
    const Result<std::vector<std::string>> values = Values(*object, key);
    if (!values) return std::unexpected(values.error());
    if (Status changed = ChangeTrace(key, *values); !changed) return changed;
  }
  return {};
}

std::string WriteTraceSettings() {
  JsonWriter json;
  json.BeginObject().Key("trace_level").BeginArray().String("OFF").EndArray();
  json.Key("trace_rate").String("0").Key("trace_count").String("0").Key("log_frequency").String("0");
  return json.Key("trace_file").String("").Key("trace_mode").String("triton").EndObject().Take();
}

}  // namespace weir::codec
