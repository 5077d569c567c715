#include "app/folder_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/thread_name.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_MODIFY |
                                  IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;

// Of restlessness, until folders are looked at all the same.
constexpr int kMostSettles = 5;

bool WatchBelow(int events, const fs::path& folder, int depth) {
  if (::inotify_add_watch(events, folder.c_str(), kEvents | IN_ONLYDIR) < 0) return false;
  if (depth == 0) return true;
  std::error_code error;
  bool all = true;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) all = WatchBelow(events, entry->path(), depth - 1) && all;
  }
  return all;
}

}  // namespace

FolderWatch::FolderWatch(Watched watched, std::function<bool()> look)
    : watched_(std::move(watched)), look_(std::move(look)),
      events_(watched_.poll ? -1 : ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { Loop(stop); });
}

FolderWatch::~FolderWatch() {
  thread_.request_stop();
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  thread_.join();
  if (events_ >= 0) ::close(events_);
  if (wake_ >= 0) ::close(wake_);
}

// Watches what is there now; a folder that is watched already stays so.
bool FolderWatch::WatchAll() {
  if (events_ < 0) return false;
  bool all = true;
  for (const fs::path& folder : watched_.folders) all = WatchBelow(events_, folder, watched_.depth) && all;
  return all;
}

bool FolderWatch::Happens(Duration wait) const {
  std::array<pollfd, 2> sources{{{.fd = wake_, .events = POLLIN}, {.fd = events_, .events = POLLIN}}};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  const int ready =
      ::poll(sources.data(), sources.size(), wait < Duration::zero() ? -1 : static_cast<int>(milliseconds));
  std::array<char, 4096> ignored{};
  while (events_ >= 0 && ::read(events_, ignored.data(), ignored.size()) > 0) {
  }
  return ready > 0;
}

void FolderWatch::Loop(const std::stop_token& stop) {
  SetThreadName("watch");
  bool told = WatchAll();
  if (!told) {
    log::Info("{}: the kernel does not tell what happens in the folders; looking every {:.1f} s", watched_.what,
              Seconds(watched_.settle));
  }
  bool pending = true;  // something may have happened before the watching began
  TimePoint restless;   // since when something has happened again and again
  while (!stop.stop_requested()) {
    const Duration wait = pending || !told ? watched_.settle : Duration(-1);
    if (Happens(wait)) {
      const TimePoint now = Clock::Steady().Now();
      if (!std::exchange(pending, true) || restless == TimePoint()) restless = now;
      if (now < restless + kMostSettles * watched_.settle) continue;  // until nothing has happened for a while
    }
    restless = TimePoint();
    try {
      told = WatchAll();
      pending = look_();
    } catch (const std::exception& e) {
      log::Warn("{}: the folders could not be looked at: {}", watched_.what, e.what());
      pending = false;
    }
  }
}

}  // namespace weir::app
