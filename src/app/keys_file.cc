#include "app/keys_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "app/units.h"
#include "base/nearest.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHashed = "sha256:";
constexpr std::size_t kShortestKey = 16;
constexpr std::size_t kLongestKey = 4096;

const std::vector<std::string>& Fields() {
  static const std::vector<std::string> fields = {"name",     "sha256",    "key_file", "scopes", "requests_per_second",
                                                  "priority", "concurrent"};
  return fields;
}

Result<access::KeyHash> HashOf(std::string_view key) {
  if (key.size() < kShortestKey || key.size() > kLongestKey) {
    return InvalidArgument(fmt::format("a key has {} to {} characters, this one has {}; 'weir keys new' makes one",
                                       kShortestKey, kLongestKey, key.size()));
  }
  if (!std::ranges::all_of(key, [](char c) { return c > ' ' && c < '\x7f'; })) {
    return InvalidArgument("a key has only printable ASCII characters, and no spaces");
  }
  return access::HashOfKey(key);
}

Result<access::KeyHash> HashOfFile(const fs::path& file) {
  std::string key(kLongestKey + 2, '\0');
  std::ifstream input;
  std::error_code ignored;
  if (fs::is_regular_file(file, ignored)) input.open(file, std::ios::binary);  // others might keep the opener waiting
  if (!input.is_open() || !(input.read(key.data(), static_cast<std::streamsize>(key.size())) || input.eof())) {
    return Fail(Code::kNotFound, fmt::format("{} cannot be read", file.string()));
  }
  key.resize(static_cast<std::size_t>(input.gcount()));
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
  Result<access::KeyHash> hash = HashOf(key);
  if (!hash) hash.error().message = fmt::format("{}: {}", file.string(), hash.error().message);
  return hash;
}

// Reads one document. Confined to one thread.
class KeysReader {
 public:
  explicit KeysReader(const fs::path& file) : file_(file) {}

  Result<std::vector<access::Key>> Read(const std::string& text) const {
    try {
      const YAML::Node root = YAML::Load(text);
      if (!root.IsSequence() || root.size() == 0) return Wrong(root, "a list of keys is expected, as '- name: …'");
      std::vector<access::Key> keys;
      for (const YAML::Node& entry : root) {
        Result<access::Key> key = ReadKey(entry);
        if (!key) return Forward(key);
        for (const access::Key& other : keys) {
          if (other.name == key->name) return Wrong(entry, fmt::format("there are two keys '{}'", key->name));
          if (other.hash == key->hash) {
            return Wrong(entry, fmt::format("keys '{}' and '{}' are the same", other.name, key->name));
          }
        }
        keys.push_back(std::move(*key));
      }
      return keys;
    } catch (const YAML::Exception& e) {
      return InvalidArgument(fmt::format("{}:{}: not valid YAML: {}", file_.string(), e.mark.line + 1, e.msg));
    }
  }

 private:
  Result<access::Key> ReadKey(const YAML::Node& entry) const {
    if (!entry.IsMap()) return Wrong(entry, "the fields of a key are expected, as 'name: …'");
    access::Key key;
    bool has_hash = false;
    for (const auto& field : entry) {
      const std::string name = field.first.Scalar();
      if (std::ranges::find(Fields(), name) == Fields().end()) {
        return Wrong(field.first, fmt::format("a key has no field '{}'{}", name, DidYouMean(name, Fields())));
      }
      if (has_hash && (name == "sha256" || name == "key_file")) {
        return Wrong(field.first, "a key has either 'sha256' or 'key_file'");
      }
      const Status read = ReadField(name, field.second, key);
      if (!read) return Wrong(field.second, fmt::format("{}: {}", name, read.error().message));
      has_hash = has_hash || name == "sha256" || name == "key_file";
    }
    if (key.name.empty()) return Wrong(entry, "the key has no 'name'");
    if (!has_hash) return Wrong(entry, fmt::format("key '{}' has neither 'sha256' nor 'key_file'", key.name));
    if (key.scopes.empty()) return Wrong(entry, fmt::format("key '{}' has no 'scopes'", key.name));
    return key;
  }

  Status ReadField(const std::string& name, const YAML::Node& value, access::Key& key) const {
    if (name == "scopes") return ReadScopes(value, key);
    if (!value.IsScalar() || value.Scalar().empty()) return InvalidArgument("one value is expected");
    const std::string text = value.Scalar();
    if (name == "name") {
      key.name = text;
    } else if (name == "sha256") {
      const auto hash = access::HashFromHex(text);
      if (!hash) return InvalidArgument("64 hex digits are expected, as 'sha256sum' prints them");
      key.hash = *hash;
    } else if (name == "key_file") {
      Result<access::KeyHash> hash = HashOfFile(file_.parent_path() / text);
      if (!hash) return Forward(hash);
      key.hash = *hash;
    } else if (name == "priority") {
      Result<Priority> priority = ParsePriority(text);
      if (!priority) return Forward(priority);
      key.priority = *priority;
    } else if (name == "concurrent") {
      Result<std::uint64_t> count = ParseCount(text, 1, 1'000'000);
      if (!count) return Forward(count);
      key.concurrent = *count;
    } else {
      const double rate = value.as<double>(0);
      if (!(rate > 0 && rate <= 1e6)) return InvalidArgument(fmt::format("'{}' is not above 0, up to 1000000", text));
      key.requests_per_second = rate;
    }
    return {};
  }

  static Status ReadScopes(const YAML::Node& value, access::Key& key) {
    if (!value.IsSequence()) return InvalidArgument("a list is expected, as [infer, metrics]");
    for (const YAML::Node& item : value) {
      Result<access::Scope> scope = access::ParseScope(item.IsScalar() ? item.Scalar() : "");
      if (!scope) return Forward(scope);
      key.scopes.push_back(*scope);
    }
    return {};
  }

  std::unexpected<Error> Wrong(const YAML::Node& where, const std::string& what) const {
    return InvalidArgument(fmt::format("{}:{}: {}", file_.string(), where.Mark().line + 1, what));
  }

  const fs::path file_;
};

}  // namespace

Result<std::vector<access::Key>> ParseKeys(const std::string& text, const fs::path& file) {
  return KeysReader(file).Read(text);
}

Result<std::vector<access::Key>> ReadKeysFile(const fs::path& file) {
  std::error_code ignored;
  std::ifstream input;
  if (fs::is_regular_file(file, ignored)) input.open(file, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(input), {});
  if (!input.is_open() || input.bad()) {
    return Fail(Code::kNotFound, fmt::format("{}: the keys file cannot be read", file.string()));
  }
  return ParseKeys(text, file);
}

std::string KeyEntry(const access::Key& key) {
  YAML::Emitter entry;
  entry << YAML::BeginSeq << YAML::BeginMap;
  entry << YAML::Key << "name" << YAML::Value << key.name;
  entry << YAML::Key << "sha256" << YAML::Value << access::HexOf(key.hash);
  entry << YAML::Key << "scopes" << YAML::Value << YAML::Flow << YAML::BeginSeq;
  for (const access::Scope scope : key.scopes) entry << std::string(ScopeName(scope));
  entry << YAML::EndSeq;
  if (key.priority) entry << YAML::Key << "priority" << YAML::Value << std::string(PriorityName(*key.priority));
  if (key.requests_per_second > 0) {
    entry << YAML::Key << "requests_per_second" << YAML::Value << fmt::format("{:g}", key.requests_per_second);
  }
  if (key.concurrent > 0) entry << YAML::Key << "concurrent" << YAML::Value << key.concurrent;
  entry << YAML::EndMap << YAML::EndSeq;
  return fmt::format("{}\n", entry.c_str());
}

Result<std::vector<access::Key>> KeysOf(const Config& config) {
  std::vector<access::Key> keys;
  if (!config.keys_file.empty()) {
    Result<std::vector<access::Key>> read = ReadKeysFile(config.keys_file);
    if (!read) return read;
    keys = std::move(*read);
  }
  for (std::size_t i = 0; i < config.api_keys.size(); ++i) {
    keys.push_back({.name = Indexed("api_keys", i),
                    .hash = config.api_keys[i],
                    .scopes = {access::Scope::kInfer, access::Scope::kMetrics}});
  }
  return keys;
}

std::vector<fs::path> FoldersOfKeys(const fs::path& file) {
  std::vector<fs::path> folders = {fs::absolute(file).parent_path()};
  try {
    for (const YAML::Node& entry : YAML::LoadFile(file.string())) {
      const YAML::Node secret = entry["key_file"];
      if (!secret || !secret.IsScalar()) continue;
      fs::path folder = (folders[0] / secret.Scalar()).parent_path();
      if (std::ranges::find(folders, folder) == folders.end()) folders.push_back(std::move(folder));
    }
  } catch (const YAML::Exception&) {  // reading the keys has said it
  }
  return folders;
}

Result<access::KeyHash> ParseApiKey(const std::string& text) {
  if (!text.starts_with(kHashed)) return HashOf(text);
  const auto hash = access::HashFromHex(text.substr(kHashed.size()));
  if (!hash) return InvalidArgument("64 hex digits are expected behind 'sha256:'");
  return *hash;
}

}  // namespace weir::app
