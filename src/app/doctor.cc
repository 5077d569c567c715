#include "app/doctor.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "app/core.h"
#include "app/units.h"
#include "http/router.h"
#include "model/onnx/onnx_backend.h"
#include "model/onnx_files.h"

namespace weir::app {
namespace {

constexpr int kFewDays = 14;  // that a certificate is still valid

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1U << 20;
// A small model, its runtime and the requests of a few clients.
constexpr std::uint64_t kLittleMemory = 512 * kMiB;
constexpr std::uint64_t kLittleDisk = 1024 * kMiB;
// Descriptors that are no client's: files, libraries, the server's own.
constexpr std::uint64_t kOwnFiles = 64;

std::string Amount(std::uint64_t bytes) {
  if (bytes >= 1024 * kMiB)
    return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(1024 * kMiB));
  return fmt::format("{} MiB", bytes / kMiB);
}

std::string FirstLine(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

Finding Processor(const std::vector<CpuFeature>& features) {
  Finding finding{"processor", Health::kOk, "", ""};
  for (const CpuFeature& feature : features) {
    if (feature.present) finding.text += (finding.text.empty() ? "" : " ") + feature.name;
  }
  // The second is the one that makes the difference: avx2, or fp16 arithmetic on ARM.
  if (features.size() > 1 && !features[1].present) {
    finding.health = Health::kWarn;
    finding.text = fmt::format("without {}", features[1].name);
    finding.advice = "models run several times slower than on a processor of the last ten years";
  } else if (features.empty()) {
    finding.text = "of a kind whose instructions are not known here";
  }
  return finding;
}

Finding Cores(const Machine& machine, const Config& config) {
  Finding finding{"cores", Health::kOk, fmt::format("{}", machine.cores()), ""};
  if (machine.cpu_quota) {
    finding.text += fmt::format(" (a control group grants the time of {:.2f} of the {} allowed)", *machine.cpu_quota,
                                machine.allowed_cores);
  }
  const std::size_t workers = config.engine.deployment.workers;
  if (workers > machine.cores()) {
    finding.health = Health::kWarn;
    finding.text += fmt::format(", but workers is {}", workers);
    finding.advice = fmt::format("more workers than cores only wait for each other: set workers to {} or leave it out",
                                 machine.cores());
  }
  return finding;
}

Finding Memory(const Machine& machine) {
  Finding finding{"memory", Health::kOk, Amount(machine.memory()), ""};
  if (machine.memory_limit && *machine.memory_limit == machine.memory()) {
    finding.text += fmt::format(" (limit of a control group; the machine has {})", Amount(machine.physical_memory));
  }
  if (machine.memory() < kLittleMemory) {
    finding.health = Health::kWarn;
    finding.advice = fmt::format("a small text model with its requests wants {}", Amount(kLittleMemory));
  }
  return finding;
}

Finding OpenFiles(const Config& config) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {"open files", Health::kWarn, "the limit cannot be read", ""};
  Finding finding{"open files", Health::kOk, fmt::format("{}", limit.rlim_max), ""};
  const std::uint64_t wanted = config.server.max_connections + kOwnFiles;
  if (limit.rlim_max < wanted) {
    finding.health = Health::kWarn;
    finding.text += fmt::format(", too few for {} connections", config.server.max_connections);
    finding.advice =
        fmt::format("raise the hard limit to {} (ulimit -Hn, LimitNOFILE=) or lower server.max_connections", wanted);
  }
  return finding;
}

Finding ClockSource() {
  const std::string source = FirstLine("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  if (source.empty()) return {"clock", Health::kOk, "its source is not told here", ""};
  const bool slow = source == "hpet" || source == "acpi_pm" || source == "jiffies";
  return {"clock", slow ? Health::kWarn : Health::kOk, source,
          slow ? "each look at the time is slow; prefer tsc (clocksource=tsc for the kernel)" : ""};
}

Finding Glance(const fs::path& folder) {
  Finding finding{fmt::format("model {}", folder.filename().string()), Health::kFail, "", ""};
  const Result<std::vector<std::string>> files = ListModelFiles(folder);
  const Result<OnnxChoice> choice = files ? ChooseOnnxFile(*files, "") : std::unexpected(files.error());
  if (!choice) {
    finding.text = fmt::format("{} {}", folder.string(), choice.error().message);
    finding.advice = "put a graph there, or take the folder away";
    return finding;
  }
  const fs::path graph = folder / choice->file;
  for (const fs::path& file : {graph, folder / "tokenizer.json", folder / "config.json", folder / "head.onnx"}) {
    std::error_code missing;
    if (file != graph && !fs::exists(fs::symlink_status(file, missing))) continue;
    if (std::ifstream(file).peek() != std::ifstream::traits_type::eof()) continue;
    finding.text = fmt::format("{} cannot be read or is empty", file.string());
    finding.advice = "check the file, the link that leads to it and its permissions";
    return finding;
  }
  std::error_code ignored;
  const bool texts = fs::exists(folder / "tokenizer.json", ignored);
  return {finding.subject, Health::kOk,
          fmt::format("{}, {}, {}", texts ? "texts" : "tensors", choice->file, Amount(fs::file_size(graph, ignored))),
          ""};
}

std::vector<Finding> LoadEach(const Config& config, const fs::path& folder) {
  Metrics metrics;
  Core core(config, metrics);
  std::vector<Finding> findings;
  if (const Status added = core.folders.AddAll(folder); !added) {
    findings.push_back({"models " + folder.string(), Health::kFail, added.error().message, "see --models"});
  }
  for (const std::string& name : core.folders.Names()) {
    const auto begin = std::chrono::steady_clock::now();
    const Status loaded = core.engine.LoadAndWait(name);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (loaded) {
      const auto states = core.engine.States();
      const auto state = std::ranges::find(states, name, &ModelStatus::name);
      findings.push_back(
          {"model " + name, Health::kOk, fmt::format("{}, ready in {:.2f} s", state->task, seconds), ""});
    } else {
      findings.push_back({"model " + name, Health::kFail, loaded.error().message,
                          "mend the folder or take it away; the other models are served without it"});
    }
  }
  return findings;
}

fs::path CacheFolder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  if (!variable("HF_HUB_CACHE").empty()) return variable("HF_HUB_CACHE");
  if (!variable("HF_HOME").empty()) return variable("HF_HOME") / "hub";
  const fs::path cache = variable("XDG_CACHE_HOME");
  return (cache.empty() ? variable("HOME") / ".cache" : cache) / "huggingface" / "hub";
}

}  // namespace

std::string_view HealthName(Health health) {
  switch (health) {
    case Health::kOk: return "ok";
    case Health::kWarn: return "warn";
    case Health::kFail: return "fail";
  }
  return "";
}

std::vector<Finding> ExamineMachine(const Machine& machine, const std::vector<CpuFeature>& features,
                                    const Config& config) {
  return {Processor(features), Cores(machine, config), Memory(machine), OpenFiles(config), ClockSource()};
}

std::vector<Finding> ExamineRuntime() {
  const OnnxRuntimeFacts facts = OnnxRuntimeAbout();
  Finding fits{"ONNX Runtime", Health::kOk, fmt::format("{} (built for {})", facts.version, facts.built_for), ""};
  if (!facts.fits) {
    fits.health = Health::kFail;
    fits.advice = fmt::format("the library is older than the program: use {} or newer", facts.built_for);
    return {fits};
  }
  Finding providers{"providers", Health::kOk, fmt::format("{}", fmt::join(facts.providers, " ")), ""};
  if (std::ranges::find(facts.providers, "CPUExecutionProvider") == facts.providers.end()) {
    providers.health = Health::kFail;
    providers.advice = "models run on the CPU: use a build of ONNX Runtime with its CPU provider";
  }
  return {fits, providers};
}

// Whether a server could listen there.
Finding ExaminePort(std::string what, std::string_view setting, http::ServerOptions options) {
  Metrics metrics;
  const http::Router router;
  const auto server = http::Server::Make(options, router, metrics);
  if (server) return {std::move(what), Health::kOk, fmt::format("{}:{} is free", options.address, options.port), ""};
  return {std::move(what), Health::kFail, server.error().message,
          fmt::format("end the program that listens there, or choose another with --set {}=… (0 takes any free one)",
                      setting)};
}

std::vector<Finding> ExamineAddresses(const Config& config) {
  http::ServerOptions plain = config.server;
  plain.tls.port = std::nullopt;
  std::vector<Finding> findings = {ExaminePort("address", "server.port", plain)};
  if (config.server.tls.port) {
    http::ServerOptions tls = config.server;
    tls.port = *config.server.tls.port;
    tls.tls.port = std::nullopt;
    findings.push_back(ExaminePort("tls address", "tls.port", tls));
  }
  if (!config.rpc.port) return findings;
  http::ServerOptions grpc = config.server;
  grpc.tls.port = std::nullopt;
  grpc.port = *config.rpc.port;
  findings.push_back(ExaminePort("grpc", "grpc.port", grpc));
  // A server leaves gRPC out when nobody has asked for that port.
  if (findings.back().health == Health::kFail && !config.rpc_is_named) findings.back().health = Health::kWarn;
  return findings;
}

std::vector<Finding> ExamineSafety(const Config& config) {
  std::vector<Finding> findings;
  for (const std::string& unsafe : UnsafeSettings(config)) {
    const std::size_t colon = unsafe.rfind(": ");
    findings.push_back({"safety", Health::kWarn, unsafe.substr(0, colon), unsafe.substr(colon + 2)});
  }
  const http::TlsOptions& tls = config.server.tls;
  if (tls.certificate.empty()) return findings;
  const auto keys = http::TlsKeys::Load(tls);
  if (!keys) {
    findings.push_back({"certificate", Health::kFail, keys.error().message, "give PEM files that belong together"});
    return findings;
  }
  const auto left = http::TlsKeys::TimeLeft(tls.certificate);
  const auto days = left ? std::chrono::floor<std::chrono::days>(*left).count() : 0;
  Finding valid{"certificate", Health::kOk, fmt::format("valid for {} days", days), ""};
  if (!left || days < kFewDays) {
    valid.health = days < 0 ? Health::kFail : Health::kWarn;
    valid.text = days < 0 ? "no longer valid" : fmt::format("valid for {} more days", days);
    valid.advice = "put a new one in its place; a running server takes it by itself";
  }
  findings.push_back(std::move(valid));
  return findings;
}

std::vector<Finding> ExamineModels(const Config& config, bool deep) {
  std::vector<Finding> findings;
  if (config.models.empty()) {
    findings.push_back(
        {"models", Health::kWarn, "no folder is named", "name one: --models DIR, or models: in the file"});
  }
  for (const fs::path& folder : config.models) {
    if (deep) {
      std::ranges::move(LoadEach(config, folder), std::back_inserter(findings));
      continue;
    }
    const Result<std::vector<std::string>> names = ModelNames(folder);
    if (!names) {
      findings.push_back(
          {"models " + folder.string(), Health::kFail, names.error().message, "see --models and its permissions"});
      continue;
    }
    if (names->empty()) {
      findings.push_back({"models " + folder.string(), Health::kWarn, "there is no model in it", "see --models"});
    }
    for (const std::string& name : *names) findings.push_back(Glance(folder / name));
  }
  return findings;
}

Finding ExamineCache() {
  const fs::path cache = CacheFolder();
  // It is made when it is needed: what counts is the nearest folder that exists.
  fs::path exists = fs::absolute(cache);
  std::error_code ignored;
  while (!fs::exists(exists, ignored) && exists.has_relative_path()) exists = exists.parent_path();
  Finding finding{"cache", Health::kOk, cache.string(), ""};
  const fs::space_info space = fs::space(exists, ignored);
  if (::access(exists.c_str(), W_OK) != 0) {
    finding.health = Health::kWarn;
    finding.text += " cannot be written";
    finding.advice = "models cannot be downloaded: set HF_HOME to a folder that can be written";
  } else if (space.available < kLittleDisk) {
    finding.health = Health::kWarn;
    finding.text += fmt::format(" has {} left", Amount(space.available));
    finding.advice = "make room, or set HF_HOME to a larger disk, before you download models";
  } else {
    finding.text += fmt::format(", {} free", Amount(space.available));
  }
  return finding;
}

}  // namespace weir::app
