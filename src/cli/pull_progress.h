// What a person sees of a pull.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "hub/pull.h"

namespace weir::cli {

// On a terminal one line that is written over: file, bytes, rate, time left. Elsewhere a line when a file begins and
// one at every tenth of the whole. To stderr, so that stdout stays the command's answer. Ends its line when destroyed.
class PullProgress final : public hub::Listener {
 public:
  PullProgress();
  ~PullProgress() override;

  void OnProgress(const hub::Progress& progress) override;
  void OnNotice(std::string_view notice) override;

 private:
  using Time = std::chrono::steady_clock::time_point;

  void DrawLine(const hub::Progress& progress, Time now);
  void PrintStep(const hub::Progress& progress);
  void EndLine();

  const bool terminal_;
  Time started_;
  Time drawn_;
  std::string file_;
  int tenths_ = 0;
  bool line_open_ = false;
};

// "512 B", "34.2 MB", "1.20 GB".
std::string BytesText(std::uint64_t bytes);

// "0:07", "1:02:33".
std::string TimeLeftText(std::chrono::seconds left);

}  // namespace weir::cli
