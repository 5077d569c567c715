// The table of all settings.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "app/config.h"
#include "app/keys_file.h"
#include "app/option_kinds.h"
#include "app/options.h"
#include "app/profiles.h"
#include "app/units.h"

namespace weir::app {
namespace {

constexpr std::uint64_t kMiB = 1U << 20;
constexpr std::uint64_t kGiB = 1U << 30;
constexpr Duration kMs = std::chrono::milliseconds(1);
constexpr Duration kHour = std::chrono::hours(1);

Option BatchPolicy() {
  static constexpr std::array<std::pair<std::string_view, BatchMode>, 3> kModes = {
      {{"cost", BatchMode::kCost}, {"always", BatchMode::kAlways}, {"never", BatchMode::kNever}}};
  return {.key = "batch.policy",
          .help = "which texts run together: cost (by measured cost), always (in order) or never",
          .set = [](const std::string& text, Config& config) -> Status {
            for (const auto& [name, mode] : kModes) {
              if (name != text) continue;
              config.engine.deployment.batch.mode = mode;
              return {};
            }
            return InvalidArgument(fmt::format("'{}' is none of cost, always and never", text));
          },
          .show =
              [](const Config& config) {
                const auto is_set = [&](const auto& one) { return one.second == config.engine.deployment.batch.mode; };
                return std::string(std::ranges::find_if(kModes, is_set)->first);
              },
          .form = {.kind = ValueForm::Kind::kWords, .words = {"cost", "always", "never"}}};
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
  option.form = {.kind = ValueForm::Kind::kWords, .words = {"debug", "info", "warn", "error", "off"}};
  return option;
}

Option Models() {
  return {.key = "models",
          .help = "folders whose sub-folders are models (a list; in the environment separated by ':')",
          .set = [](const std::string& text, Config& config) -> Status {
            if (text.empty()) return InvalidArgument("the path of a folder is expected");
            config.models.emplace_back(text);
            return {};
          },
          .list =
              [](const Config& config) {
                std::vector<std::string> folders;
                for (const std::filesystem::path& folder : config.models) folders.push_back(folder.string());
                return folders;
              },
          .clear = [](Config& config) { config.models.clear(); },
          .separator = ':'};
}

Option Profiles() {
  std::vector<std::string> names;
  for (const Profile& profile : AllProfiles()) names.emplace_back(profile.name);
  return {.key = "profile",
          .help = fmt::format("sets of defaults (a list; in the environment and on the command line separated by ','): "
                              "at most one of {}",
                              fmt::join(StageProfiles(), ", ")),
          .set = [](const std::string& text, Config& config) { return AddProfile(text, config.profiles); },
          .list = [](const Config& config) { return config.profiles; },
          .clear = [](Config& config) { config.profiles.clear(); },
          .separator = ',',
          .form = {.kind = ValueForm::Kind::kWords, .words = std::move(names)}};
}

Option Versions() {
  return {.key = "versions",
          .help = "which versions of a model are served: 'latest N', 'listed V V ...' or 'all'",
          .set = [](const std::string& text, Config& config) -> Status {
            Result<VersionPolicy> policy = ParseVersionPolicy(text);
            if (!policy) return Forward(policy);
            config.versions = std::move(*policy);
            return {};
          },
          .show = [](const Config& config) { return VersionPolicyText(config.versions); }};
}

Option Device() {
  return {.key = "device",
          .help = "where models run: auto (the best there is), cpu, cuda, cuda:1",
          .set = [](const std::string& text, Config& config) -> Status {
            Result<std::string> device = ParseDevice(text);
            if (!device) return Forward(device);
            config.device = std::move(*device);
            return {};
          },
          .show = [](const Config& config) { return config.device; }};
}

// Unset, it is shown as "any".
Option MaxWaiting() {
  return {
      .key = "queue.max_waiting",
      .help =
          "of these, jobs that may wait beside those that `workers` run; 0 refuses what cannot run at once, any: up to "
          "queue.max_jobs (0 to 1000000, or any)",
      .set = [](const std::string& text, Config& config) -> Status {
        std::optional<std::size_t>& waiting = config.engine.deployment.max_waiting;
        if (text == "any") {
          waiting = std::nullopt;
          return {};
        }
        const Result<std::uint64_t> value = ParseCount(text, 0, 1'000'000);
        if (!value) return std::unexpected(value.error());
        waiting = *value;
        return {};
      },
      .show =
          [](const Config& config) {
            const std::optional<std::size_t>& waiting = config.engine.deployment.max_waiting;
            return waiting ? std::to_string(*waiting) : std::string("any");
          },
      .form = {.kind = ValueForm::Kind::kCount, .most = 1'000'000, .words = {"any"}}};
}

// No bound is written as 0.
Option MemoryBudget() {
  return Size("memory.budget",
              "memory of all models together; 0: no bound. On-demand models that are idle leave to make room", 0,
              1024 * kGiB, [](Config& c) -> auto& { return c.engine.memory_budget; });
}

Option OfModels() {
  return {
      .key = "model_settings",
      .help = fmt::format("settings of single models, over those of all: NAME.SETTING=VALUE, in a file a map of maps "
                          "(a list; in the environment and on the command line separated by ','): {}",
                          ModelSettingKeys()),
      .set = [](const std::string& text, Config& config) { return AddModelSetting(text, config.model_settings); },
      .list = [](const Config& config) { return ModelSettingTexts(config.model_settings); },
      .separator = ',',
      .by_model = true};
}

// A default that depends on the machine, and how it follows from it.
Option ByMachine(Option option, std::string rule) {
  option.rule = std::move(rule);
  return option;
}

Option KeysFile() {
  Option option =
      Text("keys_file", "YAML list of keys with their scopes and limits; changes are picked up (see access.md)",
           [](Config& c) -> auto& { return c.keys_file; });
  option.show = [](const Config& config) { return config.keys_file.string(); };
  return option;
}

Option ApiKeys() {
  return {.key = "api_keys",
          .help =
              "keys that may infer and read metrics, or 'sha256:' and their hashes, which is how they are shown "
              "(a list; in the environment and on the command line separated by ',')",
          .set = [](const std::string& text, Config& config) -> Status {
            Result<access::KeyHash> hash = ParseApiKey(text);
            if (!hash) return Forward(hash);
            config.api_keys.push_back(*hash);
            return {};
          },
          .list =
              [](const Config& config) {
                std::vector<std::string> shown;
                for (const access::KeyHash& hash : config.api_keys)
                  shown.push_back(fmt::format("sha256:{}", access::HexOf(hash)));
                return shown;
              },
          .clear = [](Config& config) { config.api_keys.clear(); },
          .separator = ','};
}

// What the process as a whole is told first.
std::vector<Option> FirstRows() {
  return {
      Profiles(),
      Models(),
      Text("default_model", "model of a request that names none", [](Config& c) -> auto& { return c.default_model; }),
      Versions(),
      Device(),
      OfModels(),
      EitherOr("auth",
               "keys: asked for wherever there are some, needed on addresses beyond this machine; none: anybody may do "
               "everything",
               "none", "keys", [](Config& c) -> auto& { return c.auth; }),
      KeysFile(),
      ApiKeys(),
  };
}

Option GrpcPort() {
  Option option = MaybePort("grpc.port", "TCP port of the gRPC server, at server.address",
                            [](Config& c) -> auto& { return c.rpc.port; });
  option.set = [set = std::move(option.set)](const std::string& text, Config& config) {
    config.rpc_is_named = true;
    return set(text, config);
  };
  return option;
}

Option BodyLimits() {
  return {
      .key = "server.body_limits",
      .help =
          "largest request body of single routes, under server.max_body: /predict=64KiB (a list; in the environment "
          "and on the command line separated by ',')",
      .set = [](const std::string& text, Config& config) -> Status {
        const std::size_t equals = text.rfind('=');
        if (!text.starts_with('/') || equals == std::string::npos) {
          return InvalidArgument(fmt::format("'{}' is not of the form /PATH=SIZE", text));
        }
        const Result<std::uint64_t> bytes = ParseSize(text.substr(equals + 1));
        if (!bytes) return std::unexpected(bytes.error());
        config.body_limits.insert_or_assign(text.substr(0, equals), *bytes);
        return {};
      },
      .list =
          [](const Config& config) {
            std::vector<std::string> shown;
            for (const auto& [path, bytes] : config.body_limits) {
              shown.push_back(fmt::format("{}={}", path, SizeText(bytes)));
            }
            return shown;
          },
      .clear = [](Config& config) { config.body_limits.clear(); },
      .separator = ','};
}

// The server: what it listens to, and for how long.
std::vector<Option> ServerRows() {
  return {
      Text("server.address", "IP address to listen on", [](Config& c) -> auto& { return c.server.address; }),
      Count("server.port", "TCP port; 0 takes any free one", 0, 65535,
            [](Config& c) -> auto& { return c.server.port; }),
      ByMachine(Count("server.threads", "I/O threads", 1, 256, [](Config& c) -> auto& { return c.server.threads; }),
                "one for each core, at most 4"),
      Count("server.max_connections", "open connections", 1, 1'000'000,
            [](Config& c) -> auto& { return c.server.max_connections; }),
      Count("server.max_connections_per_address",
            "of these, connections from one address, or one IPv6 network of 64 bits; 0: as many as there may be", 0,
            1'000'000, [](Config& c) -> auto& { return c.server.max_connections_per_address; }),
      ByMachine(Size("server.max_body", "largest request body", 1, 4 * kGiB,
                     [](Config& c) -> auto& { return c.server.max_body_bytes; }),
                "64MiB, at most an eighth of the memory"),
      ByMachine(
          Size("server.max_bodies", "bodies of all connections together, and of answers what waits for a slow client",
               1, 1024 * kGiB, [](Config& c) -> auto& { return c.server.max_bodies_bytes; }),
          "1GiB, at most a quarter of the memory"),
      Size("server.compress_from", "answers of that size are compressed for clients that take them so; 0: none", 0,
           4 * kGiB, [](Config& c) -> auto& { return c.server.compress_from; }),
      Size("server.max_header", "largest request header", 256, 16 * kMiB,
           [](Config& c) -> auto& { return c.server.max_header_bytes; }),
      Count("server.max_header_fields", "fields of a request header", 1, 10'000,
            [](Config& c) -> auto& { return c.server.max_header_fields; }),
      BodyLimits(),
      Time("server.first_byte_timeout", "from a new connection to the first byte of its first request", kMs, kHour,
           [](Config& c) -> auto& { return c.server.first_byte_timeout; }),
      Time("server.header_timeout", "from a request's first byte to the end of its header", kMs, kHour,
           [](Config& c) -> auto& { return c.server.header_timeout; }),
      Time("server.read_timeout", "from a request's first byte to its last", kMs, kHour,
           [](Config& c) -> auto& { return c.server.read_timeout; }),
      Time("server.idle_timeout", "between two requests of a connection", kMs, 24 * kHour,
           [](Config& c) -> auto& { return c.server.idle_timeout; }),
      Time("server.write_timeout", "for a client to take an answer", kMs, kHour,
           [](Config& c) -> auto& { return c.server.write_timeout; }),
      EitherOr("server.half_close", "what a client that ends its sending side means by it: cancel or answer", "cancel",
               "answer", [](Config& c) -> auto& { return c.server.half_close_answers; }),
      Flag("server.io_uring",
           "answers that are ready together are sent with one call of the kernel, where it permits that",
           [](Config& c) -> auto& { return c.server.use_io_uring; }),
      MaybePort("tls.port", "TCP port of HTTP over TLS, at server.address",
                [](Config& c) -> auto& { return c.server.tls.port; }),
      Path("tls.certificate",
           "PEM file of the server's certificate and those between it and a root; changes are picked up", "",
           [](Config& c) -> auto& { return c.server.tls.certificate; }),
      Path("tls.key", "PEM file of its private key", "", [](Config& c) -> auto& { return c.server.tls.key; }),
      Path("tls.client_ca", "PEM file of those whose certificates clients must show; empty: they need none", "",
           [](Config& c) -> auto& { return c.server.tls.client_ca; }),
      GrpcPort(),
      MaybePort("grpc.tls_port",
                "TCP port of gRPC over TLS, with the certificate of tls.certificate; it needs grpc.port too",
                [](Config& c) -> auto& { return c.rpc.tls.port; }),
      Time("deadline.default", "deadline of a request that sets none", kMs, 24 * kHour,
           [](Config& c) -> auto& { return c.deadlines.fallback; }),
      Time("deadline.max", "longest deadline that a request may set", kMs, 24 * kHour,
           [](Config& c) -> auto& { return c.deadlines.most; }),
  };
}

Option CorsOrigins() {
  return {
      .key = "cors.origins",
      .help =
          "pages that may ask from a browser, by origin: https://example.org (a list; in the environment and on the "
          "command line separated by ',')",
      .set = [](const std::string& text, Config& config) -> Status {
        const std::size_t host = text.find("://");
        const bool is_origin = host != std::string::npos && host > 0 && host + 3 < text.size() &&
                               text.find('/', host + 3) == std::string::npos;
        if (!is_origin || text.contains('*')) {
          return InvalidArgument(
              fmt::format("'{}' is no origin, like https://example.org; '*' would let in any page", text));
        }
        config.cors_origins.push_back(text);
        return {};
      },
      .list = [](const Config& config) { return config.cors_origins; },
      .clear = [](Config& config) { config.cors_origins.clear(); },
      .separator = ','};
}

Option CandlesContainers() {
  return {.key = "candles.containers",
          .help =
              "containers that may ask it, by their X-Container-Name; without one they are known by their address, "
              "as localhost from this machine (a list; in the environment and on the command line separated by ',')",
          .set = [](const std::string& text, Config& config) -> Status {
            if (!text.empty()) config.candles.gate.containers.push_back(text);
            return {};
          },
          .list = [](const Config& config) { return config.candles.gate.containers; },
          .clear = [](Config& config) { config.candles.gate.containers.clear(); },
          .separator = ','};
}

// The candle forecasting service.
std::vector<Option> CandlesRows() {
  return {
      Flag("candles.enabled", "the routes of the candle forecasting service",
           [](Config& c) -> auto& { return c.candles.enabled; }),
      Text("candles.app_name", "what it calls itself", [](Config& c) -> auto& { return c.candles.app_name; }),
      Text("candles.model", "the model that it asks; empty: default_model, or the only one of candles",
           [](Config& c) -> auto& { return c.candles.model; }),
      Path("candles.model_folder", "one more model folder, as `weir models convert kronos` makes them", "",
           [](Config& c) -> auto& { return c.candles.model_folder; }),
      Text("candles.device", "what its clients ask for: auto, cpu, cuda, mps; these models run on the CPU",
           [](Config& c) -> auto& { return c.candles.device; }),
      Real("candles.temperature", "how far draws may stray, where a request does not say", 1e-6, 1e6,
           [](Config& c) -> auto& { return c.candles.defaults.sampling.temperature; }),
      Count("candles.top_k", "likeliest tokens to draw from, where a request does not say; 0: no such bound", 0,
            1'000'000, [](Config& c) -> auto& { return c.candles.defaults.sampling.top_k; }),
      Real("candles.top_p", "share of the likeliest tokens to draw from, where a request does not say", 0, 1,
           [](Config& c) -> auto& { return c.candles.defaults.sampling.top_p; }),
      Count("candles.sample_count", "futures to draw, where a request does not say", 1, forecast::kMostSamples,
            [](Config& c) -> auto& { return c.candles.defaults.samples; }),
      Flag("candles.security", "only containers of candles.containers may ask",
           [](Config& c) -> auto& { return c.candles.gate.has_list; }),
      CandlesContainers(),
      Count("candles.rate_limit", "requests a minute of each container; 0: no bound", 0, 1'000'000'000,
            [](Config& c) -> auto& { return c.candles.gate.per_minute; }),
      Size("candles.max_request", "largest body of a request for forecasts, under server.max_body", 1, 4 * kGiB,
           [](Config& c) -> auto& { return c.candles.max_request_bytes; }),
      Time("candles.inference_timeout", "longest time for a forecast, waiting included", kMs, 24 * kHour,
           [](Config& c) -> auto& { return c.candles.inference_timeout; }),
      Flag("candles.metrics", "its /v1/metrics answers", [](Config& c) -> auto& { return c.candles.metrics; }),
      Flag("candles.strict_compat", "its /v1/readyz is 200 while the model loads, as it was there",
           [](Config& c) -> auto& { return c.candles.strict_compat; }),
  };
}

// Of all models of candles.
std::vector<Option> ForecastRows() {
  return {
      Count("forecast.rows", "samples of forecasts under way together, of each model; more wait", 1, 4096,
            [](Config& c) -> auto& { return c.forecast.rows; }),
      Size("forecast.cache_bytes", "of these, as many as have room for their keys and values in this; 0: all of them",
           0, 1024 * kGiB, [](Config& c) -> auto& { return c.forecast.cache_bytes; }),
      Count("forecast.max_context", "tokens that models look at, where that is fewer than their own; 0: their own", 0,
            1'000'000, [](Config& c) -> auto& { return c.forecast.max_context; }),
      Real("forecast.clip", "where normalised values are cut; 0: the model's own", 0, 1e6,
           [](Config& c) -> auto& { return c.forecast.clip; }),
  };
}

// The services that Weir stands in for.
std::vector<Option> ServiceRows() {
  return {
      CorsOrigins(),
      Flag("sentiment.enabled", "the routes of the sentiment service",
           [](Config& c) -> auto& { return c.sentiment.enabled; }),
      Flag("sentiment.debug", "it tells paths without its prefix /api/v1",
           [](Config& c) -> auto& { return c.sentiment.debug; }),
      Text("sentiment.model", "the model that it asks; empty: default_model, or the only classifier",
           [](Config& c) -> auto& { return c.sentiment.model; }),
      Path("sentiment.model_folder", "one more model folder, or a graph in one", "",
           [](Config& c) -> auto& { return c.sentiment.model_folder; }),
      Count("sentiment.max_text_length", "characters that a text may have there", 1, 10'000,
            [](Config& c) -> auto& { return c.sentiment.max_text_length; }),
      Flag("sentiment.metrics", "its /metrics answers", [](Config& c) -> auto& { return c.sentiment.metrics; }),
      Path("sentiment.feedback", "the file that keeps feedback; empty: none is taken", "in the user's state folder",
           [](Config& c) -> auto& { return c.sentiment.feedback; }),
      Count("sentiment.max_feedback", "entries that are kept, the newest ones", 1, 100'000'000,
            [](Config& c) -> auto& { return c.sentiment.max_feedback; }),
  };
}

// What runs behind it.
std::vector<Option> EngineRows() {
  return {
      ByMachine(Count("workers", "runs of one model at the same time", 1, 1024,
                      [](Config& c) -> auto& { return c.engine.deployment.workers; }),
                "one for each core"),
      Count("queue.max_jobs", "jobs queued and running for each model", 1, 1'000'000,
            [](Config& c) -> auto& { return c.engine.deployment.admission.max_jobs; }),
      MaxWaiting(),
      ByMachine(Size("queue.max_bytes", "their inputs together", 1, 1024 * kGiB,
                     [](Config& c) -> auto& { return c.engine.deployment.admission.max_bytes; }),
                "256MiB, at most an eighth of the memory"),
      ByMachine(
          Count("run.slots", "threads that run models, all of them together; models take turns by the time they use", 1,
                1024, [](Config& c) -> auto& { return c.engine.slots; }),
          "one for each core"),
      Count("run.nice",
            "how willingly these yield to threads that take and refuse requests, and to other programs; threads that "
            "load models yield to them",
            0, 19, [](Config& c) -> auto& { return c.engine.nice; }),
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
  };
}

// How models come and go, and the server with them.
std::vector<Option> LifeRows() {
  return {
      Flag("load.optimized_copies",
           "keep optimised copies of large graphs in the cache folder: quicker starts, less memory",
           [](Config& c) -> auto& { return c.optimized_copies; }),
      EitherOr("load.when", "startup: all models at once; on-demand: each with the first request for it", "startup",
               "on-demand", [](Config& c) -> auto& { return c.engine.on_demand; }),
      Count("load.tries", "times that a load is tried after errors that may pass (memory, reading)", 1, 100,
            [](Config& c) -> auto& { return c.engine.load.tries; }),
      Time("load.pause", "before the second try; twice as long before each further one", Duration::zero(), kHour,
           [](Config& c) -> auto& { return c.engine.load.pause; }),
      Time("load.timeout", "longest time for loading a model", kMs, 24 * kHour,
           [](Config& c) -> auto& { return c.engine.load.timeout; }),
      Flag("load.fallback",
           "what its device cannot take runs on the CPU; for a version that cannot be loaded the one before serves",
           [](Config& c) -> auto& { return c.engine.load.fallback; }),
      Time("load.back_off", "after a load has failed, until a request may start another", Duration::zero(), 24 * kHour,
           [](Config& c) -> auto& { return c.engine.load.back_off; }),
      Count("load.threads", "models loading at the same time", 1, 64,
            [](Config& c) -> auto& { return c.engine.load_threads; }),
      Flag("watch.models", "pick up models that come, change or go in the folders of `models`",
           [](Config& c) -> auto& { return c.watch_models; }),
      Flag("watch.poll",
           "look every watch.settle instead of being told by the kernel, which does not hear of changes that other "
           "machines "
           "make in network file systems",
           [](Config& c) -> auto& { return c.watch_poll; }),
      Time("watch.settle", "without a change in them, before that is done", kMs * 10, kHour,
           [](Config& c) -> auto& { return c.watch_settle; }),
      MemoryBudget(),
      Size("cache.bytes", "answers to texts that each model keeps, the last used ones, to give them again; 0: none", 0,
           1024 * kGiB, [](Config& c) -> auto& { return c.engine.deployment.cache_bytes; }),
      Count("tokenizer.threads", "threads that turn texts into tokens", 1, 256,
            [](Config& c) -> auto& { return c.tokenizer_threads; }),
      Time("drain.delay", "after readiness is off, until the server stops accepting", Duration::zero(), kHour,
           [](Config& c) -> auto& { return c.drain_delay; }),
      Time("drain.deadline", "time for requests under way when the server stops", Duration::zero(), kHour,
           [](Config& c) -> auto& { return c.drain_deadline; }),
      LogLevel(),
      EitherOr("log.access", "a line for each answer: off, or json", "off", "json",
               [](Config& c) -> auto& { return c.access_log; }),
      Count("log.access_percent", "requests in a hundred that have such a line; failures always have", 0, 100,
            [](Config& c) -> auto& { return c.access_percent; }),
  };
}

}  // namespace

bool IsLoopback(const std::string& address) {
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (::inet_pton(AF_INET6, address.c_str(), &v6) != 1) return true;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6);
}

const std::vector<Option>& Options() {
  static const std::vector<Option> options = [] {
    std::vector<Option> all;
    for (std::vector<Option> rows :
         {FirstRows(), ServerRows(), ServiceRows(), CandlesRows(), ForecastRows(), EngineRows(), LifeRows()}) {
      std::ranges::move(rows, std::back_inserter(all));
    }
    return all;
  }();
  return options;
}

const Option* FindOption(std::string_view key) {
  const auto found = std::ranges::find(Options(), key, &Option::key);
  return found == Options().end() ? nullptr : &*found;
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

std::vector<OptionInfo> ListOptions() {
  std::vector<OptionInfo> list;
  const Config defaults;
  for (const Option& option : Options()) {
    list.push_back({.key = option.key,
                    .environment = EnvironmentName(option.key),
                    .help = option.help,
                    .fallback = option.list ? std::string() : option.show(defaults),
                    .rule = option.rule});
  }
  return list;
}

Status CheckTogether(const Config& config) {
  if (config.deadlines.fallback > config.deadlines.most) {
    return InvalidArgument("deadline.default is longer than deadline.max");
  }
  const http::TlsOptions& tls = config.server.tls;
  const bool has_certificate = !tls.certificate.empty() && !tls.key.empty();
  if ((tls.port || config.rpc.tls.port) && !has_certificate) {
    return InvalidArgument(
        fmt::format("{} needs tls.certificate and tls.key", tls.port ? "tls.port" : "grpc.tls_port"));
  }
  if (config.rpc.tls.port && !config.rpc.port) return InvalidArgument("grpc.tls_port needs grpc.port");
  const bool has_keys = !config.keys_file.empty() || !config.api_keys.empty();
  if (!config.auth && has_keys) {
    return InvalidArgument("'auth: none' asks for no keys, but keys are set: leave out one or the other");
  }
  if (config.auth && !has_keys && !IsLoopback(config.server.address)) {
    return InvalidArgument(
        fmt::format("server.address {} can be reached from other machines, and no keys are set: add 'keys_file: FILE' "
                    "('weir keys new' "
                    "makes one), or 'auth: none' to let in anybody",
                    config.server.address));
  }
  return {};
}

}  // namespace weir::app
