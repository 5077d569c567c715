// The file of keys.
#include <cstdint>
#include <string>

#include "app/keys_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto keys = weir::app::ParseKeys(text, "keys.yaml");
  if (!keys) {
    if (keys.error().message.empty()) __builtin_trap();
    return 0;
  }
  std::string again;
  for (const weir::access::Key& key : *keys) {
    if (key.name.empty() || key.scopes.empty()) __builtin_trap();
    again += weir::app::KeyEntry(key);
  }
  const auto same = weir::app::ParseKeys(again, "keys.yaml");
  if (!same || same->size() != keys->size()) __builtin_trap();
  return 0;
}
