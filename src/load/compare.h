// Two runs side by side.
#pragma once

#include <span>
#include <string>

#include "load/report.h"
#include "load/table.h"

namespace weir::load {

enum class Verdict { kTooShort, kWithinNoise, kDiffers };

// Whether the means of two series differ more than their scatter explains: Welch's t-test at 95 %. kTooShort below
// three values in either.
Verdict CompareSeries(std::span<const double> a, std::span<const double> b);

// A table with ratios (B over A), whether throughput, p50 and p99 differ beyond noise (judged by the seconds of each
// run), and what is not alike in the two loads. `a_name` and `b_name` head the columns.
std::string CompareReports(const Report& a, const std::string& a_name, const Report& b, const std::string& b_name,
                           const TextStyle& style);

}  // namespace weir::load
