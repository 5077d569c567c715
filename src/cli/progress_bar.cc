#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "cli/terminal.h"

namespace weir::cli {
namespace {

constexpr std::chrono::milliseconds kBetween{100};
constexpr std::size_t kWidth = 24;
constexpr std::string_view kWipe = "\r\033[K";

std::string Minutes(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::clamp(seconds, 0.0, 359'999.0) + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

ProgressBar::ProgressBar() : visible_(IsTerminal(STDERR_FILENO)), begun_(Clock::Steady().Now()), next_(begun_) {}

ProgressBar::~ProgressBar() {
  if (visible_ && !first_) fmt::print(stderr, "{}", kWipe);
}

void ProgressBar::Show(const dataset::RunView& view) {
  if (!visible_) return;
  if (first_) {
    first_ = false;
    start_ = view;
  }
  const TimePoint now = Clock::Steady().Now();
  if (now < next_) return;
  next_ = now + kBetween;
  const double seconds = std::max(1e-3, Seconds(now - begun_));
  const double rate = static_cast<double>(view.progress.records - start_.progress.records) / seconds;
  std::string line;
  if (view.total > 0) {
    const double done = std::min(1.0, static_cast<double>(view.bytes) / static_cast<double>(view.total));
    const auto filled = static_cast<std::size_t>(done * kWidth);
    line = fmt::format("{:3.0f} % [{}{}] ", done * 100, std::string(filled, '#'), std::string(kWidth - filled, '.'));
  }
  line += fmt::format("{} records, {:.0f}/s", view.progress.records, rate);
  if (view.progress.failed > 0) line += fmt::format(", {} failed", view.progress.failed);
  if (view.total > view.bytes && view.bytes > start_.bytes) {
    const double speed = static_cast<double>(view.bytes - start_.bytes) / seconds;
    line += fmt::format(", {} left", Minutes(static_cast<double>(view.total - view.bytes) / speed));
  }
  fmt::print(stderr, "{}{}", kWipe, line);
  std::fflush(stderr);
}

}  // namespace weir::cli
