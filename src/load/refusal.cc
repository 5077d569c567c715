#include "load/refusal.h"

#include <algorithm>

#include "codec/json_reader.h"

namespace weir::load {
namespace {

using codec::JsonElement;

constexpr std::size_t kMost = 96;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "wait of 1.25 s over 500 ms" -> "wait of # s over # ms"; one line, not too long.
std::string Kind(std::string_view message) {
  std::string kind;
  for (std::size_t at = 0; at < message.size() && kind.size() <= kMost; ++at) {
    const char c = message[at];
    if (!IsDigit(c)) {
      kind += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
      continue;
    }
    kind += '#';
    const auto goes_on = [&](std::size_t i) {
      if (IsDigit(message[i])) return true;
      return (message[i] == '.' || message[i] == ',') && i + 1 < message.size() && IsDigit(message[i + 1]);
    };
    while (at + 1 < message.size() && goes_on(at + 1)) ++at;
  }
  std::size_t end = std::min(kMost, kind.size());
  while (end < kind.size() && (static_cast<unsigned char>(kind[end]) & 0xC0U) == 0x80U) --end;  // not in a character
  return kind.substr(0, end);
}

std::string Text(JsonElement object, std::string_view key) {
  std::string_view text;
  return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

}  // namespace

Refusal ReadRefusal(std::string_view body) {
  const Result<JsonElement> root = codec::ParseJson(body);
  if (!root || !root->is_object()) return {.reason = Kind(body)};
  // The error is an object of its own, or its text stands beside what else is told.
  JsonElement about = *root;
  std::string message = Text(*root, "detail");
  JsonElement error;
  if ((*root)["error"].get(error) == simdjson::SUCCESS) {
    if (error.is_object()) about = error;
    message = error.is_object() ? Text(error, "message") : Text(*root, "error");
  }
  Refusal refusal;
  for (const char* key : {"limit", "reason", "code"}) {
    if (refusal.reason.empty()) refusal.reason = Text(about, key);
  }
  if (!message.empty()) refusal.reason += (refusal.reason.empty() ? "" : ": ") + Kind(message);
  std::int64_t ms = 0;
  if (about["retry_after_ms"].get(ms) == simdjson::SUCCESS && ms >= 0) {
    refusal.retry_after = std::chrono::milliseconds(ms);
  }
  return refusal;
}

}  // namespace weir::load
