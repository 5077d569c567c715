#include "app/compat_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "access/key.h"
#include "app/units.h"

namespace weir::app {
namespace {

using Text = Result<std::optional<std::string>>;

std::string LowerCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// As such services read it.
Result<bool> ParseBool(const std::string& value) {
  const std::string text = LowerCase(value);
  for (const std::string_view yes : {"true", "1", "yes", "on", "t", "y"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"false", "0", "no", "off", "f", "n"}) {
    if (text == no) return false;
  }
  return InvalidArgument(fmt::format("'{}' is neither true nor false", value));
}

Text AsFlag(const std::string& value) {
  const Result<bool> flag = ParseBool(value);
  if (!flag) return std::unexpected(flag.error());
  return std::string(*flag ? "true" : "false");
}

Text AsSeconds(const std::string& value) { return value + "s"; }

// The hub's name of a model: its own part, as which its folder is called.
Text AsModelName(const std::string& value) { return value.substr(value.rfind('/') + 1); }

Text AsHash(const std::string& value) { return fmt::format("sha256:{}", access::HexOf(access::HashOfKey(value))); }

// Whether there is a cache at all; how large it is is said elsewhere.
Text AsCache(const std::string& value) {
  const Result<bool> flag = ParseBool(value);
  if (!flag) return std::unexpected(flag.error());
  return *flag ? std::nullopt : std::optional<std::string>("0");
}

// An answer to a text of 128 tokens, with its tokens.
constexpr std::uint64_t kBytesPerAnswer = 4096;

Text AsCacheSize(const std::string& value) {
  const Result<std::uint64_t> count = ParseCount(value, 10, 100'000);
  if (!count) return std::unexpected(count.error());
  return std::to_string(*count * kBytesPerAnswer);
}

Text AsWorkers(const std::string& value) {
  const Result<std::uint64_t> count = ParseCount(value, 1, 16);
  if (!count) return std::unexpected(count.error());
  return std::to_string(*count);
}

// ["a", "b"] or a,b.
Text AsList(const std::string& value) {
  std::string text;
  std::ranges::copy_if(value, std::back_inserter(text),
                       [](char c) { return c != '[' && c != ']' && c != '"' && c != '\'' && c != ' '; });
  return text;
}

Text AsLevel(const std::string& value) {
  const std::string level = LowerCase(value);
  return level == "warning" ? "warn" : level == "critical" ? "error" : level;
}

Text AsTopK(const std::string& value) { return value.starts_with('-') ? "0" : value; }

Text AsMegabytes(const std::string& value) { return value + "MiB"; }

// Whether there is a bound at all; how large it is is said elsewhere.
Text AsRateLimit(const std::string& value) {
  const Result<bool> flag = ParseBool(value);
  if (!flag) return std::unexpected(flag.error());
  return *flag ? std::nullopt : std::optional<std::string>("0");
}

constexpr std::string_view kOneThread =
    "no effect: each inference runs on one thread, as many at once as there are workers";
constexpr std::string_view kLater = "no effect yet";
constexpr std::string_view kAbsent = "no effect: there is no such part";

const std::vector<CompatVariable>& Sentiment() {
  static const std::vector<CompatVariable> variables = {
      {"MLOPS_HOST", "server.address", "the same"},
      {"MLOPS_PORT", "server.port", "the same"},
      {"MLOPS_WORKERS", "workers", "inferences at once, in one process; 1 to 16", AsWorkers},
      {"MLOPS_DEBUG", "sentiment.debug", "the same", AsFlag},
      {"MLOPS_LOG_LEVEL", "log.level", "in lower case", AsLevel},
      {"MLOPS_API_KEY", "api_keys", "its hash", AsHash},
      {"MLOPS_ALLOWED_ORIGINS", "cors.origins", "a JSON list, or separated by ','", AsList},
      {"MLOPS_CORS_ORIGINS", "cors.origins", "the same", AsList},
      {"MLOPS_MODEL_NAME", "sentiment.model", "the part behind the last '/'", AsModelName},
      {"MLOPS_ONNX_MODEL_PATH", "sentiment.model_folder", "the same"},
      {"MLOPS_MAX_TEXT_LENGTH", "sentiment.max_text_length", "the same"},
      {"MLOPS_MAX_REQUEST_TIMEOUT", "deadline.default", "seconds", AsSeconds},
      {"MLOPS_PREDICTION_CACHE_MAX_SIZE", "cache.bytes", "4 KiB for each entry; 10 to 100000 entries", AsCacheSize},
      {"MLOPS_PREDICTION_CACHE_ENABLED", "cache.bytes", "false: 0", AsCache},
      {"MLOPS_ENABLE_METRICS", "sentiment.metrics", "the same", AsFlag},
      {"MLOPS_METRICS_CACHE_TTL", "", "no effect: metrics are always those of now"},
      {"MLOPS_ONNX_INTRA_OP_NUM_THREADS", "", kOneThread},
      {"MLOPS_ONNX_INTER_OP_NUM_THREADS", "", kOneThread},
      {"MLOPS_ONNX_EXECUTION_MODE", "", kOneThread},
      {"MLOPS_KAFKA_ENABLED", "", kLater},
      {"MLOPS_ASYNC_BATCH_ENABLED", "", kLater},
      {"MLOPS_REDIS_ENABLED", "", kAbsent},
      {"MLOPS_SHADOW_MODE_ENABLED", "", kAbsent},
  };
  return variables;
}

const std::vector<CompatVariable>& Candles() {
  static const std::vector<CompatVariable> variables = {
      {"KRONOS_APP_NAME", "candles.app_name", "the same"},
      {"KRONOS_LOG_LEVEL", "log.level", "in lower case", AsLevel},
      {"KRONOS_MODEL_ID", "candles.model", "the part behind the last '/'", AsModelName},
      {"KRONOS_TOKENIZER_ID", "", "no effect: a converted model has its tokenizer in it"},
      {"KRONOS_MODEL_PATH", "candles.model_folder", "a folder that `weir models convert kronos` has made"},
      {"KRONOS_DEVICE", "candles.device", "the same"},
      {"KRONOS_MAX_CONTEXT", "forecast.max_context", "the same; never above the model's own"},
      {"KRONOS_CLIP_VALUE", "forecast.clip", "the same"},
      {"KRONOS_POOL_SIZE", "forecast.rows", "forecasts under way together"},
      {"KRONOS_DEFAULT_LOOKBACK", "", "no effect: all candles that are sent are looked at"},
      {"KRONOS_DEFAULT_PRED_LEN", "", "no effect: as many candles are forecast as there are prediction_timestamps"},
      {"KRONOS_DEFAULT_TEMPERATURE", "candles.temperature", "the same"},
      {"KRONOS_DEFAULT_TOP_K", "candles.top_k", "the same; below 0: 0", AsTopK},
      {"KRONOS_DEFAULT_TOP_P", "candles.top_p", "the same"},
      {"KRONOS_DEFAULT_SAMPLE_COUNT", "candles.sample_count", "the same"},
      {"KRONOS_ENABLE_METRICS", "candles.metrics", "the same", AsFlag},
      {"KRONOS_SECURITY_ENABLED", "candles.security", "the same", AsFlag},
      {"KRONOS_CONTAINER_WHITELIST", "candles.containers", "a JSON list, or separated by ','", AsList},
      {"KRONOS_RATE_LIMIT_PER_MINUTE", "candles.rate_limit", "the same"},
      {"KRONOS_RATE_LIMIT_ENABLED", "candles.rate_limit", "false: 0", AsRateLimit},
      {"KRONOS_MAX_REQUEST_SIZE_MB", "candles.max_request", "in MiB", AsMegabytes},
      {"KRONOS_INFERENCE_TIMEOUT", "candles.inference_timeout", "seconds", AsSeconds},
      {"KRONOS_REQUEST_TIMEOUT", "deadline.default", "seconds", AsSeconds},
      {"KRONOS_STARTUP_TIMEOUT", "load.timeout", "seconds", AsSeconds},
      {"KRONOS_STRICT_COMPAT", "candles.strict_compat", "the same", AsFlag},
  };
  return variables;
}

}  // namespace

std::span<const CompatVariable> CompatVariables(std::string_view profile) {
  if (profile == "sentiment") return Sentiment();
  if (profile == "candles") return Candles();
  return {};
}

std::vector<Assignment> ReadCompatEnvironment(std::string_view profile, std::vector<Error>& problems) {
  std::vector<Assignment> found;
  for (const CompatVariable& variable : CompatVariables(profile)) {
    const std::string name(variable.name);
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr || variable.key.empty()) continue;
    const Text text = variable.convert == nullptr ? std::string(value) : variable.convert(value);
    if (!text) {
      problems.push_back({Code::kInvalidArgument, fmt::format("{}: {}", name, text.error().message)});
      continue;
    }
    if (!*text) continue;
    Assignment assignment{FindOption(variable.key), {}, "environment " + name};
    std::string rest = **text;
    const char separator = assignment.option->separator;
    while (separator != 0 && rest.find(separator) != std::string::npos) {
      assignment.values.push_back({rest.substr(0, rest.find(separator)), name});
      rest.erase(0, rest.find(separator) + 1);
    }
    assignment.values.push_back({rest, name});
    found.push_back(std::move(assignment));
  }
  return found;
}

}  // namespace weir::app
