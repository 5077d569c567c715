// What the commands below `weir bench` share: progress, Ctrl-C, files.
#include <fmt/core.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "app/units.h"
#include "base/mutex.h"
#include "cli/bench.h"
#include "cli/fail.h"

namespace weir::cli {
namespace {

constexpr Duration kProgressInterval = std::chrono::milliseconds(100);

std::atomic<bool> interrupted = false;

void NoteInterrupt(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

}  // namespace

load::TextStyle StyleOf(int file) {
  load::TextStyle style;
  const bool terminal = isatty(file) != 0;
  const char* no_colour = std::getenv("NO_COLOR");
  style.colour = terminal && (no_colour == nullptr || *no_colour == '\0');
  std::setlocale(LC_CTYPE, "");
  style.unicode = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
  winsize size{};
  if (terminal && ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
    style.width = std::min<int>(size.ws_col, 120);
  return style;
}

Duration DurationOf(std::string_view flag, const std::string& text) {
  // Without a unit only nothing is clear.
  if (text == "0") return Duration::zero();
  const Result<Duration> duration = app::ParseDuration(text);
  if (!duration) Quit({Code::kInvalidArgument, fmt::format("{}: {}", flag, duration.error().message)});
  return *duration;
}

void Refuse(bool wrong, std::string_view why) {
  if (wrong) Quit({Code::kInvalidArgument, std::string(why)});
}

void RunWithProgress(const std::function<void(std::stop_token)>& work, const std::function<std::string()>& line) {
  const bool show = isatty(STDERR_FILENO) != 0;
  Mutex mu;
  CondVar changed;
  bool done = false;
  std::signal(SIGINT, NoteInterrupt);
  std::signal(SIGTERM, NoteInterrupt);
  {
    std::jthread worker([&](std::stop_token stop) {
      work(std::move(stop));
      const MutexLock lock(mu);
      done = true;
      changed.NotifyAll();
    });
    const MutexLock lock(mu);
    while (!done) {
      changed.WaitUntil(mu, {}, Clock::Steady().Now() + kProgressInterval, [&] { return done; });
      if (interrupted) worker.request_stop();
      if (show) fmt::print(stderr, "\r\x1b[K{}", line());
      if (show) std::fflush(stderr);
    }
  }
  if (show) fmt::print(stderr, "\r\x1b[K");
}

void WriteJson(const std::string& file, const std::string& json) {
  if (file == "-") {
    fmt::print("{}\n", json);
    return;
  }
  std::ofstream out(file, std::ios::binary);
  out << json << '\n';
  out.close();
  if (!out) Quit({Code::kUnavailable, fmt::format("cannot write {}", file)});
}

}  // namespace weir::cli
