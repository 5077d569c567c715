// Texts to ask about.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/random.h"

namespace weir::load {

// How many words a text has. Value type.
class LengthDistribution {
 public:
  // "fixed:18", "uniform:8-16" or "lognormal:median=18,p95=100,max=300" (what is over `max` is cut to it; without it
  // ten times p95). Least length 1.
  static Result<LengthDistribution> Parse(std::string_view text);

  std::size_t Draw(Random& random) const;

 private:
  enum class Kind { kUniform, kLogNormal };

  Kind kind_ = Kind::kUniform;
  std::size_t least_ = 1;
  std::size_t most_ = 1;
  double log_median_ = 0;
  double sigma_ = 0;
};

// `count` texts of common English words; the same for the same seed. Fewer when they would take over 64 MiB.
std::vector<std::string> MakeTexts(const LengthDistribution& lengths, std::size_t count, std::uint64_t seed);

// One text a line; a file whose first line is a JSON object is NDJSON, with the text in "text" or "input". Blank
// lines are skipped. At most 256 MiB. The error names the line.
Result<std::vector<std::string>> ReadTexts(const std::filesystem::path& file);

}  // namespace weir::load
