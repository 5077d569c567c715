// Durations and sizes as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace weir::app {

// What a setting's value looks like, for editors. Value type.
struct ValueForm {
  enum class Kind { kText, kCount, kReal, kTime, kSize, kFlag, kWords };
  Kind kind = Kind::kText;
  std::uint64_t least = 0;  // of a count
  std::uint64_t most = 0;
  std::vector<std::string> words = {};  // all there are (kWords), or beside numbers
};

// "250ms", "30s", "5m", "1h"; a bare number is refused, because nobody can tell its unit.
Result<Duration> ParseDuration(std::string_view text);
std::string DurationText(Duration duration);

// "64MiB", "10MB", "512KiB", "1GiB" or a plain number of bytes.
Result<std::uint64_t> ParseSize(std::string_view text);
std::string SizeText(std::uint64_t bytes);

// A whole number from `least` to `most`.
Result<std::uint64_t> ParseCount(std::string_view text, std::uint64_t least, std::uint64_t most);

// A number from `least` to `most`.
Result<double> ParseReal(std::string_view text, double least, double most);

}  // namespace weir::app
