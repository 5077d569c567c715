#include "codec/cost_json.h"

#include <cmath>
#include <span>

#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::codec {
namespace {

void WriteAxis(JsonWriter& json, std::string_view key, std::span<const std::uint32_t> values) {
  json.Key(key).BeginArray();
  for (const std::uint32_t value : values) json.Int(value);
  json.EndArray();
}

bool SameAxis(const JsonObject& json, std::string_view key, std::span<const std::uint32_t> values) {
  const Result<simdjson::dom::array> axis = json.RequireArray(key);
  if (!axis || axis->size() != values.size()) return false;
  std::size_t place = 0;
  for (const JsonElement element : *axis) {
    std::uint64_t value = 0;
    if (element.get(value) || value != values[place++]) return false;
  }
  return true;
}

bool ReadRow(JsonElement element, std::span<double> row) {
  simdjson::dom::array array;
  if (element.get(array) || array.size() != row.size()) return false;
  std::size_t place = 0;
  for (const JsonElement cell : array) {
    double& seconds = row[place++];
    if (cell.get(seconds) || !std::isfinite(seconds)) return false;
    if (seconds != 0 && (seconds < 1e-7 || seconds > 1e4)) return false;  // nothing that was measured
  }
  return true;
}

}  // namespace

std::string WriteCosts(const CostFile& file) {
  JsonWriter json;
  json.BeginObject().Key("machine").String(file.machine).Key("model").String(file.model);
  WriteAxis(json, "batches", CostGrid::kBatches);
  WriteAxis(json, "lengths", CostGrid::kLengths);
  json.Key("seconds").BeginArray();
  for (const auto& row : file.table.seconds) {
    json.BeginArray();
    for (const double seconds : row) json.Float(static_cast<float>(seconds));
    json.EndArray();
  }
  json.EndArray().EndObject();
  return json.Take();
}

Result<CostFile> ParseCosts(std::string_view text) {
  Result<JsonObject> json = ParseJsonObject(text);
  if (!json) return Forward(json);
  Result<std::string> machine = json->RequireString("machine");
  if (!machine) return Forward(machine);
  Result<std::string> model = json->RequireString("model");
  if (!model) return Forward(model);
  Result<simdjson::dom::array> rows = json->RequireArray("seconds");
  if (!rows) return Forward(rows);
  if (!SameAxis(*json, "batches", CostGrid::kBatches) || !SameAxis(*json, "lengths", CostGrid::kLengths) ||
      rows->size() != CostGrid::kBatches.size()) {
    return Fail(Code::kUnprocessable, "the costs were measured on another grid");
  }
  CostFile file{.machine = *machine, .model = *model, .table = {}};
  std::size_t place = 0;
  for (const JsonElement row : *rows) {
    if (!ReadRow(row, file.table.seconds[place++])) {
      return Fail(Code::kUnprocessable, "'seconds' holds something that is no time");
    }
  }
  if (file.table.empty()) return Fail(Code::kUnprocessable, "no time was measured");
  return file;
}

}  // namespace weir::codec
