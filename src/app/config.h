// The settings of the program and where they come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/model_reference.h"
#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"
#include "http/middleware.h"
#include "http/server.h"

namespace weir::app {

// Defaults are the safe ones. Value type.
struct Config {
  http::ServerOptions server;
  http::DeadlineLimits deadlines;
  EngineOptions engine{.deployment = {.measure_when_idle = true}};
  std::vector<std::filesystem::path> models;  // folders of model folders
  std::vector<ModelSource> sources;           // single model folders, which the command line names
  std::string default_model;
  std::size_t tokenizer_threads = 1;
  Duration drain_deadline = std::chrono::seconds(10);
  std::string log_level = "info";
};

// One setting as file, environment and reference page know it.
struct OptionInfo {
  std::string key;          // "server.port"
  std::string environment;  // "WEIR_SERVER_PORT"
  std::string help;
  std::string fallback;  // the default, as text
};
std::vector<OptionInfo> ListOptions();

// Fills `config`: the file's values over the defaults, the environment's over those. `file` may be empty.
// The error names file, line and nearest key, or the variable.
Status LoadConfig(const std::filesystem::path& file, Config& config);

// One setting from text, as a flag gives it. `origin` is put before the error ("--port").
Status SetOption(const std::string& key, const std::string& value, const std::string& origin, Config& config);

}  // namespace weir::app
