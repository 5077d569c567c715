// Settings as text: YAML to read back, a file to begin with, the reference page.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "app/compat_environment.h"
#include "app/config.h"
#include "app/options.h"
#include "app/profiles.h"

namespace weir::app {
namespace {

std::string YamlScalar(const std::string& text) {
  YAML::Emitter out;
  out << text;
  return out.c_str();
}

std::string YamlValue(const Option& option, const Config& config) {
  if (!option.list) return YamlScalar(option.show(config));
  YAML::Emitter out;
  out << YAML::Flow << option.list(config);
  return out.c_str();
}

// "server.port" -> "server", "port"; "workers" -> "", "workers".
std::pair<std::string, std::string> SplitKey(const std::string& key) {
  const std::size_t dot = key.find('.');
  if (dot == std::string::npos) return {"", key};
  return {key.substr(0, dot), key.substr(dot + 1)};
}

std::string Default(const OptionInfo& option) {
  if (!option.rule.empty()) return option.rule;
  return option.fallback.empty() ? "none" : "`" + option.fallback + "`";
}

}  // namespace

std::string ConfigYaml(const LoadedConfig& loaded, bool origins) {
  std::string text;
  for (const Option& option : Options()) {
    const std::string line = fmt::format("{}: {}", option.key, YamlValue(option, loaded.config));
    text += origins ? fmt::format("{:<40} # {}\n", line, loaded.origins.at(option.key)) : line + "\n";
  }
  return text;
}

std::string ConfigTemplate() {
  std::string text =
      "# Settings of Weir. What is commented out shows the default: remove the '#' before the key to change it.\n"
      "# An editor that knows YAML completes it with: weir config schema weir.schema.json, and the line\n"
      "#   yaml-language-server: $schema=weir.schema.json\n"
      "# Order: defaults < profile < this file < environment (WEIR_SERVER_PORT) < flags.\n";
  const Config defaults;
  std::string open;
  for (const Option& option : Options()) {
    const auto [section, name] = SplitKey(option.key);
    const std::string indent = section.empty() ? "" : "  ";
    if (section != open || section.empty()) text += "\n";
    if (section != open && !section.empty()) text += section + ":\n";
    open = section;
    text += fmt::format("{}# {}\n", indent, option.help);
    if (!option.rule.empty()) text += fmt::format("{}# (the default follows the machine: {})\n", indent, option.rule);
    text += fmt::format("{}#{}: {}\n", indent, name, YamlValue(option, defaults));
  }
  return text;
}

std::string ConfigMarkdown() {
  std::string text = "| setting | what it is | default |\n|---|---|---|\n";
  for (const OptionInfo& option : ListOptions()) {
    text += fmt::format("| `{}` | {} | {} |\n", option.key, option.help, Default(option));
  }
  text += "\n| profile | for | sets |\n|---|---|---|\n";
  for (const Profile& profile : AllProfiles()) {
    std::string sets;
    for (const ProfileSetting& setting : profile.settings) {
      sets += fmt::format("{}`{}: {}`", sets.empty() ? "" : ", ", setting.key, setting.value);
    }
    text += fmt::format("| `{}` | {} | {} |\n", profile.name, profile.help, sets);
  }
  text +=
      "\nVariables of services that Weir stands in for, read with the profile of their name, over the file and below "
      "Weir's own:\n";
  text += "\n| variable | profile | sets | from its value |\n|---|---|---|---|\n";
  for (const Profile& profile : AllProfiles()) {
    for (const CompatVariable& variable : CompatVariables(profile.name)) {
      const std::string key = variable.key.empty() ? "–" : fmt::format("`{}`", variable.key);
      text += fmt::format("| `{}` | `{}` | {} | {} |\n", variable.name, profile.name, key, variable.help);
    }
  }
  return text;
}

}  // namespace weir::app
