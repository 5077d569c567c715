// What a person sees of a run.
#pragma once

#include <cstddef>
#include <string>

#include "load/pacer.h"
#include "load/report.h"

namespace weir::load {

// What the terminal can show. Value type.
struct TextStyle {
  bool colour = false;
  bool unicode = false;  // block characters instead of '#'
  std::size_t width = 80;
};

// Figures, failures, and one sentence for each thing that the reader has to know to trust them.
std::string ResultTable(const Report& report, const TextStyle& style);
// Bars of the latency distribution, and one line of answers per second.
std::string ResultPlot(const Summary& summary, const TextStyle& style);
// One line without its end, not wider than `style` says.
std::string ProgressLine(const Pacer::Progress& progress, const TextStyle& style);

// "1.23 ms", "45.6 s".
std::string MillisecondsText(double ms);
// "74,123", "332.1".
std::string RateText(double per_second);

}  // namespace weir::load
