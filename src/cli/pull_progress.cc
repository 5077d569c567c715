#include "cli/pull_progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace weir::cli {
namespace {

constexpr std::chrono::milliseconds kBetweenLines{100};
constexpr std::size_t kLongestName = 40;

double Seconds(std::chrono::steady_clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// The end of a long path tells more than its start.
std::string Shortened(const std::string& name) {
  return name.size() <= kLongestName ? name : "..." + name.substr(name.size() - (kLongestName - 3));
}

}  // namespace

std::string BytesText(std::uint64_t bytes) {
  const auto number = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fmt::format("{:.2f} GB", number / 1e9);
  if (bytes >= 1'000'000) return fmt::format("{:.1f} MB", number / 1e6);
  if (bytes >= 1'000) return fmt::format("{:.1f} kB", number / 1e3);
  return fmt::format("{} B", bytes);
}

std::string TimeLeftText(std::chrono::seconds left) {
  const auto seconds = left.count();
  if (seconds >= 3600) return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
}

PullProgress::PullProgress() : terminal_(::isatty(STDERR_FILENO) == 1), started_(), drawn_() {}

PullProgress::~PullProgress() { EndLine(); }

void PullProgress::OnProgress(const hub::Progress& progress) {
  const Time now = std::chrono::steady_clock::now();
  if (started_ == Time()) started_ = now;
  if (!terminal_) return PrintStep(progress);
  if (now - drawn_ >= kBetweenLines || progress.done == progress.total) DrawLine(progress, now);
}

void PullProgress::DrawLine(const hub::Progress& progress, Time now) {
  const double rate = static_cast<double>(progress.fetched) / std::max(Seconds(now - started_), 0.001);
  std::string line =
      fmt::format("{}  {} of {}", Shortened(progress.file), BytesText(progress.done), BytesText(progress.total));
  if (rate > 0) {
    const double left = static_cast<double>(progress.total - std::min(progress.done, progress.total)) / rate;
    line += fmt::format("  {}/s  {} left", BytesText(static_cast<std::uint64_t>(rate)),
                        TimeLeftText(std::chrono::seconds(static_cast<long>(std::min(left, 1e7)))));
  }
  fmt::print(stderr, "\r\033[K{}", line);
  std::fflush(stderr);
  drawn_ = now;
  line_open_ = true;
}

void PullProgress::PrintStep(const hub::Progress& progress) {
  const int tenths = progress.total == 0 ? 10 : static_cast<int>(10 * progress.done / progress.total);
  const bool new_file = file_ != progress.file;
  if (!new_file && tenths <= tenths_) return;
  fmt::print(stderr, "{}: {} of {}\n", progress.file, BytesText(progress.done), BytesText(progress.total));
  file_ = progress.file;
  tenths_ = tenths;
}

void PullProgress::OnNotice(std::string_view notice) {
  EndLine();
  fmt::print(stderr, "weir: {}\n", notice);
}

void PullProgress::EndLine() {
  if (line_open_) fmt::print(stderr, "\n");
  line_open_ = false;
}

}  // namespace weir::cli
