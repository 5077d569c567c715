#include "cli/config_flags.h"

#include <CLI/CLI.hpp>

#include "cli/fail.h"

namespace weir::cli {

void AddConfigFlags(CLI::App& command, ConfigFlags& flags) {
  command.add_option("--config", flags.file, "YAML file with settings; 'weir config init' writes one")
      ->type_name("FILE");
  command.add_option("--profile", flags.profile, "Sets of defaults, separated by ',': local, development, …")
      ->type_name("NAMES");
  command.add_option("--set", flags.settings, "One setting, over file and environment; see 'weir options'")
      ->type_name("KEY=VALUE");
}

app::ConfigSources SourcesOf(const ConfigFlags& flags) {
  app::ConfigSources sources{.file = flags.file, .flags = {}};
  if (!flags.profile.empty()) sources.flags.push_back({"profile", flags.profile, "--profile"});
  for (const std::string& setting : flags.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos) Quit({Code::kInvalidArgument, "--set takes KEY=VALUE, not '" + setting + "'"});
    sources.flags.push_back({setting.substr(0, equals), setting.substr(equals + 1), "--set " + setting});
  }
  return sources;
}

}  // namespace weir::cli
