// `weir keys`: who may use a server.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "app/keys_file.h"
#include "cli/commands.h"
#include "cli/fail.h"

namespace weir::cli {
namespace {

struct NewFlags {
  std::string name;
  std::vector<std::string> scopes = {"infer"};
  std::string priority;
  double requests_per_second = 0;
  std::size_t concurrent = 0;
  std::string file;
};

access::Key KeyOf(const NewFlags& flags) {
  access::Key key{.name = flags.name, .requests_per_second = flags.requests_per_second, .concurrent = flags.concurrent};
  for (const std::string& name : flags.scopes) {
    const Result<access::Scope> scope = access::ParseScope(name);
    QuitUnless(scope);
    if (!key.Has(*scope)) key.scopes.push_back(*scope);
  }
  if (!flags.priority.empty()) {
    const Result<Priority> priority = ParsePriority(flags.priority);
    QuitUnless(priority);
    key.priority = *priority;
  }
  return key;
}

// Only its owner can read a file that is made here.
void Append(const std::string& file, const access::Key& key) {
  if (std::filesystem::exists(file) && std::filesystem::file_size(file) > 0) {
    const Result<std::vector<access::Key>> others = app::ReadKeysFile(file);
    QuitUnless(others);
    if (std::ranges::find(*others, key.name, &access::Key::name) != others->end()) {
      Quit({Code::kInvalidArgument, fmt::format("{} has a key '{}' already", file, key.name)});
    }
  }
  const std::string entry = app::KeyEntry(key);
  const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const bool written = out >= 0 && ::write(out, entry.data(), entry.size()) == static_cast<ssize_t>(entry.size());
  const int error = errno;
  if (out >= 0) ::close(out);
  if (!written)
    Quit({Code::kUnavailable, fmt::format("cannot write {}: {}", file, std::generic_category().message(error))});
}

void New(const NewFlags& flags) {
  access::Key key = KeyOf(flags);
  const std::string secret = access::NewKey();
  if (secret.empty()) Quit({Code::kInternal, "the system gives no random numbers"});
  key.hash = access::HashOfKey(secret);
  if (flags.file.empty()) {
    fmt::print(stderr,
               "An entry for the file that 'keys_file' names:\n\n{}\nThe key itself, which is shown only now:\n",
               app::KeyEntry(key));
  } else {
    Append(flags.file, key);
    fmt::print(stderr, "Key '{}' is in {}. The key itself, which is shown only now:\n", key.name, flags.file);
  }
  fmt::print("{}\n", secret);
}

}  // namespace

void AddKeys(CLI::App& program) {
  CLI::App* keys = program.add_subcommand("keys", "Make keys that clients show to a server");
  keys->require_subcommand(1);
  keys->footer("Example:\n  weir keys new web --file keys.yaml");
  CLI::App* command = keys->add_subcommand("new", "Make a key: its hash for the keys file, the key itself to stdout");
  auto flags = std::make_shared<NewFlags>();
  command->add_option("name", flags->name, "What logs and errors call it")->required();
  command->add_option("--file", flags->file, "Keys file to put the entry into (made when it is not there)");
  command->add_option("--scopes", flags->scopes, "What it may do: infer, admin, metrics (default infer)")
      ->delimiter(',');
  command->add_option("--priority", flags->priority, "Class of its requests, and the highest that they may ask for");
  command->add_option("--requests-per-second", flags->requests_per_second, "Limit (default: none)")
      ->check(CLI::Range(0.001, 1e6));
  command->add_option("--concurrent", flags->concurrent, "Requests under way at once (default: any number)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}));
  command->footer(
      "Examples:\n  weir keys new web --file keys.yaml\n  weir keys new nightly --scopes infer,metrics "
      "--priority bulk --concurrent 8");
  command->callback([flags] { New(*flags); });
}

}  // namespace weir::cli
