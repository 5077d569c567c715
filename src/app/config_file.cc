// The YAML file of settings.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "app/options.h"
#include "base/nearest.h"

namespace weir::app {
namespace {

bool IsSection(const std::string& key) {
  return std::ranges::any_of(Options(), [&](const Option& o) { return o.key.starts_with(key + "."); });
}

// Turns a YAML document into assignments, one key at a time. Confined to one thread.
class FileReader {
 public:
  FileReader(const std::filesystem::path& file, std::vector<Error>& problems)
      : file_(file.string()), problems_(problems) {}

  std::vector<Assignment> Read() {
    try {
      if (!std::filesystem::is_regular_file(file_)) return CannotRead("the configuration file cannot be read");
      const YAML::Node root = YAML::LoadFile(file_);
      if (root.IsNull()) return {};
      if (root.IsMap()) {
        ReadMap(root, "");
      } else {
        Wrong(root, "settings are expected, as 'key: value'");
      }
    } catch (const YAML::BadFile&) {
      return CannotRead("the configuration file cannot be read");
    } catch (const YAML::Exception& e) {
      problems_.push_back(
          {Code::kInvalidArgument, fmt::format("{}:{}: not valid YAML: {}", file_, e.mark.line + 1, e.msg)});
    } catch (const std::exception& e) {  // a folder, a file that cannot be read to its end
      return CannotRead(fmt::format("cannot be read: {}", e.what()));
    }
    return std::move(found_);
  }

 private:
  void ReadMap(const YAML::Node& map, const std::string& prefix) {
    for (const auto& entry : map) {
      const std::string key = prefix + entry.first.Scalar();
      const Option* option = FindOption(key);
      if (!seen_.insert(key).second) {
        Wrong(entry.first, fmt::format("'{}' is set twice", key));
      } else if (option != nullptr) {
        ReadOption(*option, entry.first, entry.second);
      } else if (!IsSection(key)) {
        Wrong(entry.first, fmt::format("unknown setting '{}'{}", key, DidYouMean(key, Keys())));
      } else if (entry.second.IsMap()) {
        ReadMap(entry.second, key + ".");
      } else if (!entry.second.IsNull()) {  // a section may be empty
        Wrong(entry.first, fmt::format("'{}' is a section: its settings stand below it", key));
      }
    }
  }

  void ReadOption(const Option& option, const YAML::Node& key, const YAML::Node& value) {
    Assignment assignment{&option, {}, Where(key)};
    const auto add = [&](const YAML::Node& item) {
      const Status usable = option.set(item.Scalar(), scratch_);
      if (!usable) return Wrong(item, fmt::format("{}: {}", option.key, usable.error().message));
      assignment.values.push_back({item.Scalar(), fmt::format("{}: {}", Where(item), option.key)});
    };
    const auto add_model = [&](const YAML::Node& name, const YAML::Node& settings) {
      if (!settings.IsMap())
        return Wrong(name, fmt::format("'{}' takes the settings of each model below its name", option.key));
      for (const auto& setting : settings) {
        const std::string text = fmt::format("{}.{}={}", name.Scalar(), setting.first.Scalar(),
                                             setting.second.IsScalar() ? setting.second.Scalar() : "");
        const Status usable = option.set(text, scratch_);
        if (!usable) {
          Wrong(setting.first, fmt::format("{}: {}", option.key, usable.error().message));
        } else {
          assignment.values.push_back({text, fmt::format("{}: {}", Where(setting.first), option.key)});
        }
      }
    };
    if (option.by_model && value.IsMap()) {
      for (const auto& one : value) add_model(one.first, one.second);
    } else if (option.list && value.IsSequence()) {
      for (const YAML::Node& item : value) {
        if (!item.IsScalar()) return Wrong(item, fmt::format("'{}' takes a list of values", option.key));
        add(item);
      }
    } else if (value.IsScalar()) {
      add(value);
    } else {
      return Wrong(value, fmt::format("'{}' takes one value", option.key));
    }
    found_.push_back(std::move(assignment));
  }

  std::string Where(const YAML::Node& node) const { return fmt::format("{}:{}", file_, node.Mark().line + 1); }
  void Wrong(const YAML::Node& where, const std::string& what) {
    problems_.push_back({Code::kInvalidArgument, fmt::format("{}: {}", Where(where), what)});
  }
  std::vector<Assignment> CannotRead(const std::string& what) {
    problems_.push_back({Code::kNotFound, fmt::format("{}: {}", file_, what)});
    return {};
  }

  const std::string file_;
  std::vector<Error>& problems_;
  std::set<std::string> seen_;
  Config scratch_;  // so that problems are told in the order of the lines
  std::vector<Assignment> found_;
};

}  // namespace

std::vector<Assignment> ReadConfigFile(const std::filesystem::path& file, std::vector<Error>& problems) {
  return FileReader(file, problems).Read();
}

}  // namespace weir::app
