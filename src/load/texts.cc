#include "load/texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>

#include "codec/json_reader.h"

namespace weir::load {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 20U;
constexpr std::uintmax_t kMostFileBytes = std::uintmax_t{256} << 20U;
constexpr std::size_t kMostWords = 100'000;
constexpr double kNormalP95 = 1.6448536269514722;  // 95 % of a normal distribution lie below this many deviations

constexpr std::array<std::string_view, 96> kWords = {
    "the",    "of",      "and",    "to",     "in",     "is",      "that",   "it",     "was",    "for",    "on",
    "are",    "with",    "as",     "they",   "at",     "be",      "this",   "from",   "have",   "or",     "by",
    "one",    "had",     "not",    "but",    "what",   "all",     "were",   "when",   "we",     "there",  "can",
    "an",     "your",    "which",  "their",  "said",   "if",      "do",     "will",   "each",   "about",  "how",
    "up",     "out",     "them",   "then",   "she",    "many",    "some",   "so",     "these",  "would",  "other",
    "into",   "has",     "more",   "her",    "two",    "like",    "him",    "see",    "time",   "could",  "no",
    "make",   "than",    "first",  "been",   "water",  "long",    "little", "very",   "after",  "words",  "called",
    "just",   "where",   "most",   "know",   "people", "morning", "river",  "window", "garden", "letter", "winter",
    "bridge", "station", "market", "doctor", "music",  "kitchen", "summer", "paper"};

std::unexpected<Error> BadLengths(std::string_view text) {
  return InvalidArgument(
      fmt::format("'{}' is no distribution of lengths in words; write fixed:18, uniform:8-16 or "
                  "lognormal:median=18,p95=100,max=300 (each from 1 to {})",
                  text, kMostWords));
}

std::optional<std::size_t> ParseWords(std::string_view text) {
  std::size_t words = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), words);
  if (error != std::errc() || end != text.data() + text.size() || words < 1 || words > kMostWords) return std::nullopt;
  return words;
}

// The value after "NAME=" among parts that commas separate; takes it out of `text`.
std::optional<std::size_t> TakeNamed(std::string_view& text, std::string_view name) {
  const std::string_view part = text.substr(0, text.find(','));
  if (!part.starts_with(name) || part.substr(name.size(), 1) != "=") return std::nullopt;
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return ParseWords(part.substr(name.size() + 1));
}

Result<std::string> TextOfLine(std::string_view line) {
  const Result<codec::JsonElement> root = codec::ParseJson(line);
  if (!root) return std::unexpected(root.error());
  const Result<codec::JsonObject> object = codec::JsonObject::From(*root);
  if (!object) return std::unexpected(object.error());
  for (const std::string_view key : {"text", "input"}) {
    Result<std::optional<std::string>> text = object->FindString(key);
    if (!text) return Forward(text);
    if (*text) return std::move(**text);
  }
  return InvalidArgument("the object has neither 'text' nor 'input'");
}

}  // namespace

Result<LengthDistribution> LengthDistribution::Parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.ends_with(',')) return BadLengths(text);
  const std::string_view kind = text.substr(0, colon);
  std::string_view rest = text.substr(colon + 1);
  LengthDistribution lengths;
  if (kind == "fixed") {
    const auto words = ParseWords(rest);
    if (!words) return BadLengths(text);
    lengths.least_ = lengths.most_ = *words;
  } else if (kind == "uniform") {
    const std::size_t dash = std::min(rest.find('-'), rest.size());
    const auto least = ParseWords(rest.substr(0, dash));
    const auto most = ParseWords(rest.substr(std::min(dash + 1, rest.size())));
    if (!least || !most || *least > *most) return BadLengths(text);
    lengths.least_ = *least;
    lengths.most_ = *most;
  } else if (kind == "lognormal") {
    const auto median = TakeNamed(rest, "median");
    const auto p95 = TakeNamed(rest, "p95");
    if (!median || !p95 || *p95 < *median) return BadLengths(text);
    const auto most = rest.empty() ? std::min(*p95 * 10, kMostWords) : TakeNamed(rest, "max");
    if (!most || *most < *median || !rest.empty()) return BadLengths(text);
    lengths.kind_ = Kind::kLogNormal;
    lengths.most_ = *most;
    lengths.log_median_ = std::log(static_cast<double>(*median));
    lengths.sigma_ = (std::log(static_cast<double>(*p95)) - lengths.log_median_) / kNormalP95;
  } else {
    return BadLengths(text);
  }
  return lengths;
}

std::size_t LengthDistribution::Draw(Random& random) const {
  if (kind_ == Kind::kUniform) return random.Whole(least_, most_);
  const double words = std::exp(log_median_ + sigma_ * random.Normal());
  return static_cast<std::size_t>(std::clamp(std::round(words), 1.0, static_cast<double>(most_)));
}

std::vector<std::string> MakeTexts(const LengthDistribution& lengths, std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  while (texts.size() < count && bytes < kMostBytes) {
    std::string text;
    for (std::size_t left = lengths.Draw(random); left > 0; --left) {
      text += kWords[random.Whole(0, kWords.size() - 1)];
      text += left > 1 ? ' ' : '.';
    }
    bytes += text.size();
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<std::vector<std::string>> ReadTexts(const std::filesystem::path& file) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(file, failed);
  if (!failed && size > kMostFileBytes) {
    return Fail(Code::kTooLarge, fmt::format("{} has {} bytes; texts are kept in memory, so at most {} are taken",
                                             file.string(), size, kMostFileBytes));
  }
  std::ifstream input(file);
  if (!input) return Fail(Code::kNotFound, fmt::format("{} cannot be read", file.string()));
  std::vector<std::string> texts;
  std::optional<bool> is_json;
  std::string line;
  for (std::size_t number = 1; std::getline(input, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    if (!is_json) is_json = line.starts_with('{');
    if (!*is_json) {
      texts.push_back(line);
      continue;
    }
    Result<std::string> text = TextOfLine(line);
    if (!text) return InvalidArgument(fmt::format("{} line {}: {}", file.string(), number, text.error().message));
    texts.push_back(std::move(*text));
  }
  if (texts.empty()) return InvalidArgument(fmt::format("{} has no texts", file.string()));
  return texts;
}

}  // namespace weir::load
