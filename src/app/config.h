// The settings of the program and where they come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "access/key.h"
#include "app/model_folder.h"
#include "app/model_reference.h"
#include "app/model_settings.h"
#include "app/version_policy.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/user_folders.h"
#include "codec/candle_json.h"
#include "engine/engine.h"
#include "forecast/container_gate.h"
#include "http/middleware.h"
#include "http/server.h"
#include "rpc/server.h"

namespace weir::app {

// The sentiment service. Value type.
struct SentimentOptions {
  bool enabled = false;
  bool debug = false;                  // its prefix is told as "", not "/api/v1"
  std::string model;                   // that it asks; empty: default_model, or the only classifier
  std::filesystem::path model_folder;  // one more model folder, or a graph in one; empty: none
  std::size_t max_text_length = 512;   // characters
  bool metrics = true;
  std::filesystem::path feedback = StateFolder() / "feedback.db";  // empty: feedback is not taken
  std::size_t max_feedback = 100'000;
};

// The candle forecasting service. Value type.
struct CandlesOptions {
  bool enabled = false;
  std::string app_name = "weir";
  std::string model;                   // that it asks; empty: default_model, or the only one of candles
  std::filesystem::path model_folder;  // one more model folder; empty: none
  std::string device = "auto";         // that its clients asked for
  codec::ForecastDefaults defaults;
  forecast::GateOptions gate{.containers = {"localhost", "frontend-app", "worker-service", "scheduler"}};
  std::uint64_t max_request_bytes = std::uint64_t{10} << 20U;
  Duration inference_timeout = std::chrono::seconds(240);
  bool metrics = true;
  bool strict_compat = false;  // what is better than in the service is as it was there
};

// Defaults are the safe ones. Value type.
struct Config {
  std::vector<std::string> profiles;
  http::ServerOptions server;
  std::map<std::string, std::uint64_t> body_limits;  // in bytes, by route
  rpc::ServerOptions rpc;                            // address and sizes are those of `server`
  bool rpc_is_named = false;  // its port is set somewhere; else a port in use means a server without gRPC
  http::DeadlineLimits deadlines;
  bool auth = true;                       // keys are asked for; false: anybody may do everything
  std::filesystem::path keys_file;        // empty: none
  std::vector<access::KeyHash> api_keys;  // more keys, which may infer and read the metrics
  EngineOptions engine{.deployment = {.measure_when_idle = true}};
  std::vector<std::filesystem::path> models;  // folders of model folders
  std::vector<ModelSource> sources;           // single model folders, which the command line names
  std::string default_model;
  VersionPolicy versions;
  std::string device = "auto";
  ModelSettingsMap model_settings;  // over those of all models
  bool optimized_copies = true;
  bool watch_models = true;
  bool watch_poll = false;
  Duration watch_settle = std::chrono::seconds(2);
  std::size_t tokenizer_threads = 1;
  Duration drain_delay{};
  Duration drain_deadline = std::chrono::seconds(10);
  std::string log_level = "info";
  bool access_log = false;
  std::size_t access_percent = 100;  // of the requests that it shows
  std::vector<std::string> cors_origins;
  SentimentOptions sentiment;
  CandlesOptions candles;
  ForecastLimits forecast;
};

// One setting as file, environment and reference page know it.
struct OptionInfo {
  std::string key;          // "server.port"
  std::string environment;  // "WEIR_SERVER_PORT"
  std::string help;
  std::string fallback;  // the default on this machine, as text; empty for lists
  std::string rule;      // how the default follows from the machine; empty when it is the same everywhere
};
std::vector<OptionInfo> ListOptions();

// What the command line says, over everything else.
struct ConfigFlag {
  std::string key;
  std::string value;
  std::string origin;  // put before an error: "--port"
};

// Where settings come from: defaults < profiles < file < environment < flags. The profiles themselves may be
// named in the last three.
struct ConfigSources {
  std::filesystem::path file;  // empty: none
  std::vector<ConfigFlag> flags;
};

struct LoadedConfig {
  Config config;
  // Key -> "default", "profile NAME", "FILE:LINE", "environment WEIR_X" or the flag.
  std::map<std::string, std::string, std::less<>> origins;
};

// The error names file and line (or variable, or flag) and the nearest key.
Result<LoadedConfig> LoadConfig(const ConfigSources& sources);
// File and environment alone.
Status LoadConfig(const std::filesystem::path& file, Config& config);
// Everything that is wrong in these sources, not only the first; unknown WEIR_ variables too.
std::vector<Error> FindProblems(const ConfigSources& sources);

// One sentence for each variable of the environment that looks like a setting and is none. No error for a
// server: orchestrators set variables of their own under any prefix.
std::vector<std::string> UnknownVariables();

// Whether only this machine can reach it. True for what is no address too: the server says that when it binds.
bool IsLoopback(const std::string& address);

// Whether settings that are right alone are right together.
Status CheckTogether(const Config& config);

// One sentence for each thing that is right but lets in more than it should, or shows it to others. Blocks on the disk.
std::vector<std::string> UnsafeSettings(const Config& config);

// The effective settings as YAML that LoadConfig reads; with origins, each in a comment behind its setting.
std::string ConfigYaml(const LoadedConfig& loaded, bool origins);
// A file to begin with: every setting with its default and its help, all of them commented out.
std::string ConfigTemplate();
// A JSON Schema of such a file, with which an editor completes and checks it. Source: JSON Schema, draft 2020-12.
std::string ConfigSchema();
// The reference of settings and profiles, for docs/configuration.md.
std::string ConfigMarkdown();

}  // namespace weir::app
