// `weir models load`, `unload`, `reload`, `cancel`, `status`: of a running server.
#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/models.h"
#include "codec/model_json.h"
#include "hub/http_client.h"

namespace weir::cli {
namespace {

struct LifeFlags {
  std::string model;
  std::string url = "http://127.0.0.1:8000";
  bool as_json = false;
};

// The body of a 2xx answer; ends the command otherwise.
std::string Ask(const LifeFlags& flags, const std::string& call) {
  auto client = hub::HttpClient::Make();
  QuitUnless(client);
  hub::HttpRequest request{.url = fmt::format("{}/v1/models/{}/{}", flags.url, flags.model, call)};
  request.post = call != "status";
  request.stall = std::chrono::minutes(10);  // a load says nothing until it is done
  const Result<hub::HttpReply> reply = (*client)->Send(request, {});
  QuitUnless(reply);
  if (reply->status / 100 != 2) Quit({Code::kUnavailable, codec::ReadErrorMessage(reply->body, reply->status)});
  return reply->body;
}

void Run(const LifeFlags& flags, const std::string& call) {
  const std::string body = Ask(flags, call);
  if (flags.as_json) {
    fmt::print("{}\n", body);
    return;
  }
  const Result<std::string> text = codec::DescribeModelStatus(body);
  QuitUnless(text);
  fmt::print("{}", *text);
}

struct LifeCommand {
  const char* name;
  const char* help;
};

constexpr std::array<LifeCommand, 5> kCommands = {
    {{"status", "State of a running server's model: load times, jobs, counts"},
     {"load", "Have a running server load a model"},
     {"unload", "Have a running server take a model out of service"},
     {"reload", "Have a running server load a model again, beside the one that serves"},
     {"cancel", "Have a running server give a load up"}}};

}  // namespace

void AddModelsLife(CLI::App& models) {
  for (const LifeCommand& one : kCommands) {
    CLI::App* command = models.add_subcommand(one.name, one.help);
    auto flags = std::make_shared<LifeFlags>();
    command->add_option("model", flags->model, "Name of the model")->required();
    command->add_option("--url", flags->url, "Where the server is")->capture_default_str();
    command->add_flag("--json", flags->as_json, "As JSON");
    command->callback([flags, name = std::string(one.name)] { Run(*flags, name); });
  }
}

}  // namespace weir::cli
