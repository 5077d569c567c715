#include "hub/names.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::hub {
namespace {

constexpr std::string_view kPrefix = "hf:";
constexpr std::size_t kLongestPart = 96;  // the hub's own limit
constexpr std::size_t kLongestPath = 1024;

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool IsRepositoryPart(std::string_view part) {
  return !part.empty() && part.size() <= kLongestPart && std::ranges::all_of(part, IsWordCharacter) &&
         part.front() != '.' && part.front() != '-' && part.back() != '.' && part.back() != '-' &&
         part.find("--") == part.npos && part.find("..") == part.npos;
}

bool IsRevision(std::string_view revision) {
  if (revision.empty() || revision.size() > 250 || revision.front() == '-') return false;
  if (!std::ranges::all_of(revision, [](char c) { return IsWordCharacter(c) || c == '/' || c == '+'; })) return false;
  return CheckFilePath(revision).has_value();  // it becomes a path below refs/
}

}  // namespace

std::string Reference::ShortName() const { return repository.substr(repository.find('/') + 1); }

bool IsReference(std::string_view text) { return text.starts_with(kPrefix); }

Result<Reference> ParseReference(std::string_view text) {
  const std::string_view whole = text;
  if (IsReference(text)) text.remove_prefix(kPrefix.size());
  Reference reference;
  if (const std::size_t at = text.find('@'); at != text.npos) {
    reference.revision = text.substr(at + 1);
    text = text.substr(0, at);
  }
  reference.repository = text;
  const std::size_t slash = text.find('/');
  const bool good = slash == text.npos
                        ? IsRepositoryPart(text)
                        : IsRepositoryPart(text.substr(0, slash)) && IsRepositoryPart(text.substr(slash + 1));
  if (!good) {
    return InvalidArgument(fmt::format("'{}' is no model on the hub: hf:ORG/NAME or hf:ORG/NAME@REVISION is", whole));
  }
  if (!IsRevision(reference.revision)) {
    return InvalidArgument(fmt::format("'{}' is no branch, tag or commit", reference.revision));
  }
  return reference;
}

bool IsCommit(std::string_view text) {
  return text.size() == 40 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Status CheckFilePath(std::string_view path) {
  const auto wrong = [&](std::string_view why) {
    std::string shown(path.substr(0, 100));
    std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
    return InvalidArgument(fmt::format("the file name '{}' {}", shown, why));
  };
  if (path.empty() || path.size() > kLongestPath) return wrong("is empty or too long");
  if (path.front() == '/') return wrong("leaves the model's folder");
  if (std::ranges::any_of(path, [](unsigned char c) { return c < ' ' || c == 0x7F || c == '\\'; })) {
    return wrong("has a character that no file name should have");
  }
  for (std::string_view rest = path;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part == "..") return wrong("leaves the model's folder");
    if (part.empty() || part == "." || part.size() > 255) return wrong("is no plain path");
    if (slash == rest.npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

Status CheckEtag(std::string_view etag) {
  if (!etag.empty() && etag.size() <= 128 && etag.front() != '.' && std::ranges::all_of(etag, IsWordCharacter)) {
    return {};
  }
  return Fail(Code::kUnavailable, "its ETag cannot be the name of a file");
}

std::string NormalizeEtag(std::string_view header) {
  if (header.starts_with("W/")) header.remove_prefix(2);
  if (header.size() >= 2 && header.front() == '"' && header.back() == '"') header = header.substr(1, header.size() - 2);
  return std::string(header);
}

std::string UrlEncode(std::string_view text, bool keep_slashes) {
  std::string encoded;
  for (const char c : text) {
    if (IsWordCharacter(c) || c == '~' || (keep_slashes && c == '/')) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace weir::hub
