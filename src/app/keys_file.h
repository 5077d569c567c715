// The file of keys, and all keys that the settings name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "access/key.h"
#include "app/config.h"
#include "base/result.h"

namespace weir::app {

// A YAML list with an entry for each key: its `name`; either `sha256`, the hash of the key in hex, or `key_file`, a
// file that holds the key itself (a mounted secret; from the folder of the keys file when the path is relative);
// `scopes`; and, where wanted, `priority`, `requests_per_second`, `concurrent`. The error names file and line. Blocks.
Result<std::vector<access::Key>> ParseKeys(const std::string& text, const std::filesystem::path& file);
Result<std::vector<access::Key>> ReadKeysFile(const std::filesystem::path& file);

// The entry of a key for that file.
std::string KeyEntry(const access::Key& key);

// Those of `api_keys` and of `keys_file`. Blocks.
Result<std::vector<access::Key>> KeysOf(const Config& config);

// The folders whose change may change the keys: of the file, and of the secrets that it names. Blocks.
std::vector<std::filesystem::path> FoldersOfKeys(const std::filesystem::path& file);

// `api_keys` takes a key, or "sha256:" and its hash. The error does not show the key.
Result<access::KeyHash> ParseApiKey(const std::string& text);

}  // namespace weir::app
