#include "app/profiles.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/nearest.h"

namespace weir::app {
namespace {

constexpr std::array<ProfileSetting, 2> kLocal = {{{"server.address", "127.0.0.1"}, {"drain.deadline", "2s"}}};
constexpr std::array<ProfileSetting, 3> kDevelopment = {
    {{"server.address", "127.0.0.1"}, {"drain.deadline", "2s"}, {"log.level", "debug"}}};
constexpr std::array<ProfileSetting, 3> kStaging = {
    {{"server.address", "0.0.0.0"}, {"drain.deadline", "30s"}, {"log.level", "debug"}}};
constexpr std::array<ProfileSetting, 3> kProduction = {
    {{"server.address", "0.0.0.0"}, {"drain.deadline", "30s"}, {"log.level", "info"}}};

// The limits that such a service has built in.
constexpr std::array<ProfileSetting, 6> kLoadOnce = {{{"queue.max_jobs", "10"},
                                                      {"deadline.default", "30s"},
                                                      {"load.timeout", "300s"},
                                                      {"load.tries", "3"},
                                                      {"load.pause", "1s"},
                                                      {"load.fallback", "true"}}};

// The cache is for about a thousand texts.
constexpr std::array<ProfileSetting, 4> kSentiment = {
    {{"sentiment.enabled", "true"}, {"cache.bytes", "4MiB"}, {"deadline.default", "30s"}, {"deadline.max", "30s"}}};

// A request may wait for a while where the model is busy; one that runs is stopped by candles.inference_timeout.
constexpr std::array<ProfileSetting, 5> kCandles = {{{"candles.enabled", "true"},
                                                     {"deadline.default", "300s"},
                                                     {"deadline.max", "1h"},
                                                     {"load.timeout", "300s"},
                                                     {"drain.deadline", "30s"}}};

constexpr std::array<Profile, 7> kProfiles = {
    {{"local", "one person at one machine: only this machine can connect, and Ctrl-C ends it soon", kLocal, true},
     {"development", "as local, with debug messages in the log", kDevelopment, true},
     {"staging", "as production, with debug messages in the log", kStaging, true},
     {"production", "all of the network can connect; requests under way get time to end", kProduction, true},
     {"load-once", "limits of a service around one model that is loaded once: 10 requests at a time, 30 s each",
      kLoadOnce},
     {"sentiment",
      "clients of the sentiment service: its routes, payloads, metrics and variables ([more](sentiment.md))",
      kSentiment},
     {"candles",
      "clients of the candle forecasting service: its routes, payloads, metrics and variables "
      "([more](candles.md#the-service))",
      kCandles}}};

}  // namespace

std::span<const Profile> AllProfiles() { return kProfiles; }

std::vector<std::string> StageProfiles() {
  std::vector<std::string> names;
  for (const Profile& profile : kProfiles) {
    if (profile.stage) names.emplace_back(profile.name);
  }
  return names;
}

const Profile* FindProfile(std::string_view name) {
  const auto* const found = std::ranges::find(kProfiles, name, &Profile::name);
  return found == kProfiles.end() ? nullptr : found;
}

Status AddProfile(const std::string& name, std::vector<std::string>& chosen) {
  const Profile* const profile = FindProfile(name);
  if (profile == nullptr) {
    std::vector<std::string> known;
    for (const Profile& one : kProfiles) known.emplace_back(one.name);
    return InvalidArgument(fmt::format("there is no profile '{}'{}; there are: {}", name, DidYouMean(name, known),
                                       fmt::join(known, ", ")));
  }
  for (const std::string& other : chosen) {
    if (other == name) return InvalidArgument(fmt::format("the profile '{}' is named twice", name));
    if (profile->stage && FindProfile(other)->stage) {
      return InvalidArgument(fmt::format("'{}' and '{}' exclude each other: name one of them", other, name));
    }
  }
  chosen.push_back(name);
  return {};
}

}  // namespace weir::app
