// `weir bench URL`: a server that speaks HTTP.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "cli/bench.h"
#include "load/doors.h"
#include "load/http_driver.h"

namespace weir::cli {
namespace {

using load::Door;

constexpr Duration kProbeTimeout = std::chrono::seconds(30);
constexpr std::size_t kMostBodyBytes = 64U << 20;

Result<load::HttpAnswer> Ask(const load::Endpoint& endpoint, const load::HttpRequest& request) {
  auto answer = load::Fetch(endpoint, request, kProbeTimeout);
  if (!answer) return answer;
  const bool busy = answer->status == 429 || answer->status == 503 || answer->status == 504;
  if ((answer->status >= 200 && answer->status <= 299) || busy) return answer;
  return Fail(Code::kUnavailable, fmt::format("{} {} answered {}: {}", request.method, request.path, answer->status,
                                              answer->body.substr(0, 300)));
}

// The server's models: as OpenAI's door lists them, else as the Open Inference Protocol's repository does. A server
// that has neither is taken to have the model that is asked for.
Result<std::vector<load::ListedModel>> ListModels(const BenchFlags& flags, const load::HttpLoad& server) {
  const auto& headers = server.requests[0].headers;
  const auto list = load::Fetch(server.endpoint, {.path = "/v1/models", .headers = headers}, kProbeTimeout);
  if (!list) return std::unexpected(list.error());
  if (list->status == 200) {
    auto models = load::ParseModelList(list->body);
    if (!models) return Fail(Code::kUnavailable, "GET /v1/models: " + models.error().message);
    return models;
  }
  if (!flags.model.empty()) return std::vector<load::ListedModel>{{.name = flags.model, .task = "tensor"}};
  const load::HttpRequest ask{.method = "POST", .path = "/v2/repository/index", .headers = headers, .body = "{}"};
  const auto index = load::Fetch(server.endpoint, ask, kProbeTimeout);
  if (!index) return std::unexpected(index.error());
  if (index->status == 200) {
    auto models = load::ParseModelIndex(index->body);
    if (models) return models;
  }
  return Fail(Code::kUnavailable,
              fmt::format("GET /v1/models answered {} and POST /v2/repository/index {}; name a model with --model",
                          list->status, index->status));
}

// Fills model and door of `facts`, asking the server for what the flags do not say.
Result<Door> ChooseDoor(const BenchFlags& flags, const load::HttpLoad& server, load::Report& facts) {
  std::optional<Door> door;
  if (!flags.door.empty()) {
    Result<Door> named = load::ParseDoor(flags.door);
    if (!named) return named;
    door = *named;
  } else if (server.endpoint.path == "/v1/embeddings" || server.endpoint.path == "/v1/classify") {
    door = *load::ParseDoor(server.endpoint.path.substr(4));
  }
  facts.model = flags.model;
  if (!door || flags.model.empty()) {
    const auto models = ListModels(flags, server);
    if (!models) return std::unexpected(models.error());
    auto chosen = load::ChooseModel(*models, flags.model, door ? &*door : nullptr);
    if (!chosen) return Forward(chosen);
    if (!chosen->state.empty() && chosen->state != "ready") {
      return Fail(Code::kUnavailable, fmt::format("model '{}' is {}, not ready", chosen->name, chosen->state));
    }
    if (!door) {
      Result<Door> of_task = load::DoorOfTask(chosen->task, chosen->name);
      if (!of_task) return of_task;
      door = *of_task;
    }
    facts.model = chosen->name;
  }
  facts.door = load::DoorName(*door);
  return *door;
}

// So many different ones, but no more than fit into the memory that is meant for them.
Status AddInferRequests(const BenchFlags& flags, load::HttpLoad& server, load::Report& facts) {
  Status fits = OnlyTensors(flags);
  if (!fits) return fits;
  const load::HttpRequest request = server.requests[0];
  const auto metadata = Ask(server.endpoint, {.path = "/v2/models/" + facts.model, .headers = request.headers});
  if (!metadata) return std::unexpected(metadata.error());
  const auto specs = load::ParseInputs(metadata->body);
  if (!specs) return Fail(Code::kUnavailable, fmt::format("/v2/models/{}: {}", facts.model, specs.error().message));
  const auto shapes = ShapesOf(flags);
  if (!shapes) return std::unexpected(shapes.error());
  server.requests.clear();
  std::size_t bytes = 0;
  while (server.requests.size() < flags.infer_bodies && bytes < kMostBodyBytes) {
    const auto inputs = load::MakeInputs(*specs, *shapes, flags.seed + server.requests.size());
    if (!inputs) return std::unexpected(inputs.error());
    Result<std::string> body = load::InferBody(*specs, *inputs, flags.deadline);
    if (!body) return Forward(body);
    bytes += body->size();
    server.requests.push_back(request);
    server.requests.back().body = std::move(*body);
    facts.input = ShapesInWords(*specs, *inputs);
  }
  return {};
}

Status AddTextRequests(const BenchFlags& flags, load::HttpLoad& server, load::Report& facts) {
  Status fits = OnlyTexts(flags);
  if (!fits) return fits;
  const Result<BenchTexts> texts = TextsFor(flags);
  if (!texts) return std::unexpected(texts.error());
  facts.input = texts->origin;
  const std::size_t count = (texts->texts.size() + facts.batch - 1) / facts.batch;
  server.requests.resize(count, server.requests[0]);
  for (std::size_t i = 0; i < count; ++i) {
    server.requests[i].body = load::TextBody(facts.model, BatchOf(*texts, i, facts.batch), flags.truncate);
  }
  return {};
}

// --path and --body: whatever the server has.
Status AddRawRequest(const BenchFlags& flags, load::HttpLoad& server, load::Report& facts) {
  Status fits = OnlyTensors(flags);
  if (!fits || !flags.shapes.empty() || !flags.model.empty() || !flags.door.empty()) {
    return InvalidArgument(
        "with --path or --body the request is sent as it is: --model, --door, --shape, --lengths, "
        "--texts, --batch and --truncate have no place there");
  }
  load::HttpRequest& request = server.requests[0];
  request.path = flags.path.empty() ? server.endpoint.path : flags.path;
  if (!request.path.starts_with('/')) return InvalidArgument("--path is missing, or does not start with '/'");
  facts.door = "raw";
  request.method = flags.body.empty() ? "GET" : "POST";
  facts.input = fmt::format("{} {}", request.method, request.path);
  if (flags.body.empty()) return {};
  std::ifstream file(flags.body, std::ios::binary);
  if (!file) return Fail(Code::kNotFound, fmt::format("{} cannot be read", flags.body));
  request.body.assign(std::istreambuf_iterator<char>(file), {});
  facts.input += fmt::format(" with {} ({} bytes)", flags.body, request.body.size());
  return {};
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> HeadersOf(const BenchFlags& flags) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const std::string& header : flags.headers) {
    const std::size_t colon = header.find(':');
    const std::size_t value = header.find_first_not_of(' ', std::min(colon, header.size() - 1) + 1);
    if (colon == std::string::npos || colon == 0 || header.find_first_of("\r\n") != std::string::npos) {
      return InvalidArgument(fmt::format("--header takes NAME:VALUE, not '{}'", header));
    }
    headers.emplace_back(header.substr(0, colon), value == std::string::npos ? "" : header.substr(value));
  }
  return headers;
}

Result<load::HttpLoad> RequestsFor(const BenchFlags& flags, load::Report& facts) {
  Result<load::Endpoint> endpoint = load::Endpoint::Parse(flags.target);
  if (!endpoint) return Forward(endpoint);
  auto headers = HeadersOf(flags);
  if (!headers) return Forward(headers);
  if (flags.deadline > Duration::zero()) {
    headers->emplace_back("X-Request-Timeout-Ms", fmt::format("{:.0f}", Seconds(flags.deadline) * 1e3));
  }
  facts.batch = flags.batch.value_or(1);
  facts.target = "http://" + endpoint->Authority();
  load::HttpLoad server{.endpoint = std::move(*endpoint),
                        .requests = {{.method = "POST", .headers = std::move(*headers)}},
                        .threads = flags.threads.value_or(1)};
  const std::string& path = server.endpoint.path;
  const bool known = path.empty() || path == "/v1/embeddings" || path == "/v1/classify";
  if (!flags.path.empty() || !flags.body.empty() || !known) {
    Status added = AddRawRequest(flags, server, facts);
    if (!added) return Forward(added);
    return server;
  }
  Result<Door> door = ChooseDoor(flags, server, facts);
  if (!door) return Forward(door);
  server.requests[0].path = load::PathOf(*door, facts.model);
  Status added = *door == Door::kInfer ? AddInferRequests(flags, server, facts) : AddTextRequests(flags, server, facts);
  if (!added) return Forward(added);
  return server;
}

Status TryOne(const load::HttpLoad& server) {
  const auto answer = Ask(server.endpoint, server.requests[0]);
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Result<BenchTarget> PrepareServer(const BenchFlags& flags) {
  if (!flags.settings.empty()) return InvalidArgument("--set is for a model in this process, not for a server");
  BenchTarget target;
  Result<load::HttpLoad> requests = RequestsFor(flags, target.facts);
  if (!requests) return Forward(requests);
  Status tried = TryOne(*requests);
  if (!tried) return Forward(tried);
  const auto server = std::make_shared<load::HttpLoad>(std::move(*requests));
  target.drive = [server](load::Pacer& pacer, std::stop_token stop) -> Status {
    Result<Duration> driven = load::DriveHttp(*server, pacer, std::move(stop));
    if (!driven) return Forward(driven);
    return {};
  };
  return target;
}

}  // namespace weir::cli
