#include "app/config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <functional>
#include <set>
#include <sstream>
#include <thread>

#include "app/units.h"
#include "base/log.h"
#include "base/nearest.h"

extern char** environ;  // POSIX

namespace weir::app {
namespace {

// A setting: how it is read from text and shown as text. The table below is the only list of them.
struct Option {
  std::string key;
  std::string help;
  std::function<Status(const std::string&, Config&)> set;
  std::function<std::string(const Config&)> show;
  bool is_list = false;
};

constexpr std::uint64_t kMiB = 1U << 20;
constexpr std::uint64_t kGiB = 1U << 30;
constexpr Duration kMs = std::chrono::milliseconds(1);
constexpr Duration kHour = std::chrono::hours(1);

template <typename Get>
Option Count(std::string key, std::string help, std::uint64_t least, std::uint64_t most, Get get) {
  return {std::move(key), fmt::format("{} ({} to {})", help, least, most),
          [=](const std::string& text, Config& config) -> Status {
            Result<std::uint64_t> value = ParseCount(text, least, most);
            if (!value) return Forward(value);
            get(config) = static_cast<std::remove_reference_t<decltype(get(config))>>(*value);
            return {};
          },
          [=](const Config& config) { return std::to_string(get(const_cast<Config&>(config))); }};
}

template <typename Get>
Option Time(std::string key, std::string help, Duration least, Duration most, Get get) {
  return {std::move(key), fmt::format("{} ({} to {})", help, DurationText(least), DurationText(most)),
          [=](const std::string& text, Config& config) -> Status {
            Result<Duration> value = ParseDuration(text);
            if (!value) return Forward(value);
            if (*value < least || *value > most) {
              return InvalidArgument(
                  fmt::format("'{}' is not from {} to {}", text, DurationText(least), DurationText(most)));
            }
            get(config) = *value;
            return {};
          },
          [=](const Config& config) { return DurationText(get(const_cast<Config&>(config))); }};
}

template <typename Get>
Option Size(std::string key, std::string help, std::uint64_t least, std::uint64_t most, Get get) {
  return {std::move(key), fmt::format("{} ({} to {})", help, SizeText(least), SizeText(most)),
          [=](const std::string& text, Config& config) -> Status {
            Result<std::uint64_t> value = ParseSize(text);
            if (!value) return Forward(value);
            if (*value < least || *value > most) {
              return InvalidArgument(fmt::format("'{}' is not from {} to {}", text, SizeText(least), SizeText(most)));
            }
            get(config) = *value;
            return {};
          },
          [=](const Config& config) { return SizeText(get(const_cast<Config&>(config))); }};
}

template <typename Get>
Option Text(std::string key, std::string help, Get get) {
  return {std::move(key), std::move(help),
          [=](const std::string& text, Config& config) -> Status {
            get(config) = text;
            return {};
          },
          [=](const Config& config) { return get(const_cast<Config&>(config)); }};
}

template <typename Get>
Option Flag(std::string key, std::string help, Get get) {
  return {std::move(key), fmt::format("{} (true or false)", help),
          [=](const std::string& text, Config& config) -> Status {
            if (text != "true" && text != "false") {
              return InvalidArgument(fmt::format("'{}' is neither true nor false", text));
            }
            get(config) = text == "true";
            return {};
          },
          [=](const Config& config) { return std::string(get(const_cast<Config&>(config)) ? "true" : "false"); }};
}

Option BatchPolicy() {
  static constexpr std::array<std::pair<std::string_view, BatchMode>, 3> kModes = {
      {{"cost", BatchMode::kCost}, {"always", BatchMode::kAlways}, {"never", BatchMode::kNever}}};
  return {"batch.policy", "which texts run together: cost (by measured cost), always (in order) or never",
          [](const std::string& text, Config& config) -> Status {
            for (const auto& [name, mode] : kModes) {
              if (name != text) continue;
              config.engine.deployment.batch.mode = mode;
              return {};
            }
            return InvalidArgument(fmt::format("'{}' is none of cost, always and never", text));
          },
          [](const Config& config) {
            const auto is_set = [&](const auto& one) { return one.second == config.engine.deployment.batch.mode; };
            return std::string(std::ranges::find_if(kModes, is_set)->first);
          }};
}

Option LogLevel() {
  Option option = Text("log.level", "least level that is logged: debug, info, warn, error or off",
                       [](Config& c) -> auto& { return c.log_level; });
  option.set = [](const std::string& text, Config& config) -> Status {
    const std::vector<std::string> known = {"debug", "info", "warn", "error", "off"};
    if (std::ranges::find(known, text) == known.end()) {
      return InvalidArgument(fmt::format("'{}' is none of {}", text, fmt::join(known, ", ")));
    }
    config.log_level = text;
    return {};
  };
  return option;
}

Option Models() {
  Option option{"models", "folders whose sub-folders are models (a list; in the environment separated by ':')",
                [](const std::string& text, Config& config) -> Status {
                  if (text.empty()) return InvalidArgument("the path of a folder is expected");
                  config.models.emplace_back(text);
                  return {};
                },
                [](const Config&) { return std::string("none"); }};
  option.is_list = true;
  return option;
}

const std::vector<Option>& Options() {
  static const std::vector<Option> options = {
      Models(),
      Text("default_model", "model of a request that names none", [](Config& c) -> auto& { return c.default_model; }),
      Text("server.address", "IP address to listen on", [](Config& c) -> auto& { return c.server.address; }),
      Count("server.port", "TCP port; 0 takes any free one", 0, 65535,
            [](Config& c) -> auto& { return c.server.port; }),
      Count("server.threads", "I/O threads", 1, 256, [](Config& c) -> auto& { return c.server.threads; }),
      Count("server.max_connections", "open connections", 1, 1'000'000,
            [](Config& c) -> auto& { return c.server.max_connections; }),
      Size("server.max_body", "largest request body", 1, 4 * kGiB,
           [](Config& c) -> auto& { return c.server.max_body_bytes; }),
      Size("server.max_bodies", "request bodies of all connections together", 1, 1024 * kGiB,
           [](Config& c) -> auto& { return c.server.max_bodies_bytes; }),
      Size("server.max_header", "largest request header", 256, 16 * kMiB,
           [](Config& c) -> auto& { return c.server.max_header_bytes; }),
      Time("server.read_timeout", "from a request's first byte to its last", kMs, kHour,
           [](Config& c) -> auto& { return c.server.read_timeout; }),
      Time("server.idle_timeout", "between two requests of a connection", kMs, 24 * kHour,
           [](Config& c) -> auto& { return c.server.idle_timeout; }),
      Time("server.write_timeout", "for a client to take an answer", kMs, kHour,
           [](Config& c) -> auto& { return c.server.write_timeout; }),
      Time("deadline.default", "deadline of a request that sets none", kMs, 24 * kHour,
           [](Config& c) -> auto& { return c.deadlines.fallback; }),
      Time("deadline.max", "longest deadline that a request may set", kMs, 24 * kHour,
           [](Config& c) -> auto& { return c.deadlines.most; }),
      Count("workers", "threads that run each model", 1, 1024,
            [](Config& c) -> auto& { return c.engine.deployment.workers; }),
      Count("queue.max_jobs", "jobs queued and running for each model", 1, 1'000'000,
            [](Config& c) -> auto& { return c.engine.deployment.admission.max_jobs; }),
      Size("queue.max_bytes", "their inputs together", 1, 1024 * kGiB,
           [](Config& c) -> auto& { return c.engine.deployment.admission.max_bytes; }),
      Count("run.slots", "runs at once, over all models; they take turns by the time they use", 1, 1024,
            [](Config& c) -> auto& { return c.engine.slots; }),
      Flag("run.short_cut", "run jobs that cost less than waking a thread where they are",
           [](Config& c) -> auto& { return c.engine.deployment.short_cut; }),
      BatchPolicy(),
      Count("batch.max_jobs", "texts in one run", 1, 256,
            [](Config& c) -> auto& { return c.engine.deployment.batch.max_jobs; }),
      Count("batch.max_tokens", "tokens in one run of several texts, padding included", 1, 10'000'000,
            [](Config& c) -> auto& { return c.engine.deployment.batch.max_padded_length; }),
      Count("batch.max_overtaken", "later texts that may be run before one", 0, 1'000'000,
            [](Config& c) -> auto& { return c.engine.deployment.batch.max_overtaken; }),
      Time("batch.max_delay", "longest wait for company, where waiting pays", Duration::zero(), kHour,
           [](Config& c) -> auto& { return c.engine.deployment.batch.max_delay; }),
      Flag("batch.measure", "measure once, while nothing is to do, what a model's runs cost",
           [](Config& c) -> auto& { return c.engine.deployment.measure_when_idle; }),
      Count("load.threads", "models loading at the same time", 1, 64,
            [](Config& c) -> auto& { return c.engine.load_threads; }),
      Count("tokenizer.threads", "threads that turn texts into tokens", 1, 256,
            [](Config& c) -> auto& { return c.tokenizer_threads; }),
      Time("drain.deadline", "time for requests under way when the server stops", Duration::zero(), kHour,
           [](Config& c) -> auto& { return c.drain_deadline; }),
      LogLevel(),
  };
  return options;
}

const Option* FindOption(std::string_view key) {
  for (const Option& option : Options()) {
    if (option.key == key) return &option;
  }
  return nullptr;
}

std::string EnvironmentName(const std::string& key) {
  std::string name = "WEIR_" + key;
  for (char& c : name) c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::vector<std::string> Keys() {
  std::vector<std::string> keys;
  for (const Option& option : Options()) keys.push_back(option.key);
  return keys;
}

// Reads a YAML document into a Config, one key at a time.
class FileReader {
 public:
  FileReader(const std::filesystem::path& file, Config& config) : file_(file), config_(config) {}

  Status Read() {
    try {
      if (!std::filesystem::is_regular_file(file_)) {
        return Fail(Code::kNotFound, fmt::format("{}: the configuration file cannot be read", file_.string()));
      }
      const YAML::Node root = YAML::LoadFile(file_.string());
      if (root.IsNull()) return {};
      if (!root.IsMap()) return Wrong(root, "settings are expected, as 'key: value'");
      return ReadMap(root, "");
    } catch (const YAML::BadFile&) {
      return Fail(Code::kNotFound, fmt::format("{}: the configuration file cannot be read", file_.string()));
    } catch (const YAML::Exception& e) {
      return InvalidArgument(fmt::format("{}:{}: not valid YAML: {}", file_.string(), e.mark.line + 1, e.msg));
    } catch (const std::exception& e) {  // a folder, a file that cannot be read to its end
      return Fail(Code::kNotFound, fmt::format("{}: cannot be read: {}", file_.string(), e.what()));
    }
  }

 private:
  Status ReadMap(const YAML::Node& map, const std::string& prefix) {
    for (const auto& entry : map) {
      const std::string key = prefix + entry.first.Scalar();
      if (!seen_.insert(key).second) return Wrong(entry.first, fmt::format("'{}' is set twice", key));
      const Option* option = FindOption(key);
      Status status;
      if (option != nullptr) {
        status = ReadOption(*option, entry.second);
      } else if (entry.second.IsMap() && IsSection(key)) {
        status = ReadMap(entry.second, key + ".");
      } else if (IsSection(key)) {
        status = Wrong(entry.first, fmt::format("'{}' is a section: its settings stand below it", key));
      } else {
        status = Wrong(entry.first, fmt::format("unknown setting '{}'{}", key, DidYouMean(key, Keys())));
      }
      if (!status) return status;
    }
    return {};
  }

  Status ReadOption(const Option& option, const YAML::Node& value) {
    if (option.is_list && value.IsSequence()) {
      for (const YAML::Node& item : value) {
        if (!item.IsScalar()) return Wrong(item, fmt::format("'{}' takes a list of values", option.key));
        if (Status set = option.set(item.Scalar(), config_); !set) return Wrong(item, Message(option, set));
      }
      return {};
    }
    if (!value.IsScalar()) return Wrong(value, fmt::format("'{}' takes one value", option.key));
    if (Status set = option.set(value.Scalar(), config_); !set) return Wrong(value, Message(option, set));
    return {};
  }

  static bool IsSection(const std::string& key) {
    return std::ranges::any_of(Options(), [&](const Option& o) { return o.key.starts_with(key + "."); });
  }
  static std::string Message(const Option& option, const Status& status) {
    return fmt::format("{}: {}", option.key, status.error().message);
  }
  std::unexpected<Error> Wrong(const YAML::Node& where, const std::string& what) const {
    return InvalidArgument(fmt::format("{}:{}: {}", file_.string(), where.Mark().line + 1, what));
  }

  const std::filesystem::path& file_;
  Config& config_;
  std::set<std::string> seen_;
};

Status ReadEnvironment(Config& config) {
  for (const Option& option : Options()) {
    const std::string name = EnvironmentName(option.key);
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) continue;
    if (!option.is_list) {
      Status set = SetOption(option.key, value, name, config);
      if (!set) return set;
      continue;
    }
    config.models.clear();
    std::istringstream parts(value);
    for (std::string part; std::getline(parts, part, ':');) {
      Status set = SetOption(option.key, part, name, config);
      if (!set) return set;
    }
  }
  return {};
}

// A misspelt variable is not an error: orchestrators set variables of their own under any prefix.
void WarnOfUnknownVariables() {
  std::vector<std::string> known;
  for (const std::string& key : Keys()) known.push_back(EnvironmentName(key));
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line = *entry;
    const std::string_view name = line.substr(0, line.find('='));
    if (!name.starts_with("WEIR_") || std::ranges::find(known, name) != known.end()) continue;
    log::Warn("the environment variable {} is no setting{}", name, DidYouMean(name, known));
  }
}

}  // namespace

std::vector<OptionInfo> ListOptions() {
  std::vector<OptionInfo> list;
  const Config defaults;
  for (const Option& option : Options()) {
    list.push_back({option.key, EnvironmentName(option.key), option.help, option.show(defaults)});
  }
  return list;
}

Status LoadConfig(const std::filesystem::path& file, Config& config) {
  if (!file.empty()) {
    Status read = FileReader(file, config).Read();
    if (!read) return read;
  }
  WarnOfUnknownVariables();
  return ReadEnvironment(config);
}

Status SetOption(const std::string& key, const std::string& value, const std::string& origin, Config& config) {
  const Option* option = FindOption(key);
  if (option == nullptr)
    return InvalidArgument(fmt::format("{}: unknown setting '{}'{}", origin, key, DidYouMean(key, Keys())));
  if (Status set = option->set(value, config); !set) {
    return InvalidArgument(fmt::format("{}: {}", origin, set.error().message));
  }
  return {};
}

}  // namespace weir::app
