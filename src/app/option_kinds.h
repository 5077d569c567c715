// Settings by what their values are. `get` gives the place of the value in a Config.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "app/options.h"
#include "app/units.h"

namespace weir::app {

template <typename Get>
Option Count(std::string key, std::string help, std::uint64_t least, std::uint64_t most, Get get) {
  Option option = {std::move(key), fmt::format("{} ({} to {})", help, least, most),
                   [=](const std::string& text, Config& config) -> Status {
                     Result<std::uint64_t> value = ParseCount(text, least, most);
                     if (!value) return Forward(value);
                     get(config) = static_cast<std::remove_reference_t<decltype(get(config))>>(*value);
                     return {};
                   },
                   [=](const Config& config) { return std::to_string(get(const_cast<Config&>(config))); }};
  option.form = {.kind = ValueForm::Kind::kCount, .least = least, .most = most};
  return option;
}

template <typename Get>
Option Real(std::string key, std::string help, double least, double most, Get get) {
  Option option = {std::move(key), fmt::format("{} ({} to {})", help, least, most),
                   [=](const std::string& text, Config& config) -> Status {
                     Result<double> value = ParseReal(text, least, most);
                     if (!value) return Forward(value);
                     get(config) = static_cast<std::remove_reference_t<decltype(get(config))>>(*value);
                     return {};
                   },
                   [=](const Config& config) { return fmt::format("{}", get(const_cast<Config&>(config))); }};
  option.form = {.kind = ValueForm::Kind::kReal};
  return option;
}

template <typename Get>
Option Time(std::string key, std::string help, Duration least, Duration most, Get get) {
  Option option = {std::move(key), fmt::format("{} ({} to {})", help, DurationText(least), DurationText(most)),
                   [=](const std::string& text, Config& config) -> Status {
                     Result<Duration> value = ParseDuration(text);
                     if (!value) return Forward(value);
                     if (*value < least || *value > most) {
                       return InvalidArgument(
                           fmt::format("'{}' is not from {} to {}", text, DurationText(least), DurationText(most)));
                     }
                     get(config) = *value;
                     return {};
                   },
                   [=](const Config& config) { return DurationText(get(const_cast<Config&>(config))); }};
  option.form = {.kind = ValueForm::Kind::kTime};
  return option;
}

template <typename Get>
Option Size(std::string key, std::string help, std::uint64_t least, std::uint64_t most, Get get) {
  Option option = {
      std::move(key), fmt::format("{} ({} to {})", help, SizeText(least), SizeText(most)),
      [=](const std::string& text, Config& config) -> Status {
        Result<std::uint64_t> value = ParseSize(text);
        if (!value) return Forward(value);
        if (*value < least || *value > most) {
          return InvalidArgument(fmt::format("'{}' is not from {} to {}", text, SizeText(least), SizeText(most)));
        }
        get(config) = *value;
        return {};
      },
      [=](const Config& config) { return SizeText(get(const_cast<Config&>(config))); }};
  option.form = {.kind = ValueForm::Kind::kSize};
  return option;
}

template <typename Get>
Option Text(std::string key, std::string help, Get get) {
  return {std::move(key), std::move(help),
          [=](const std::string& text, Config& config) -> Status {
            get(config) = text;
            return {};
          },
          [=](const Config& config) { return get(const_cast<Config&>(config)); }};
}

template <typename Get>
Option Flag(std::string key, std::string help, Get get) {
  Option option = {
      std::move(key), fmt::format("{} (true or false)", help),
      [=](const std::string& text, Config& config) -> Status {
        if (text != "true" && text != "false") {
          return InvalidArgument(fmt::format("'{}' is neither true nor false", text));
        }
        get(config) = text == "true";
        return {};
      },
      [=](const Config& config) { return std::string(get(const_cast<Config&>(config)) ? "true" : "false"); }};
  option.form = {.kind = ValueForm::Kind::kFlag};
  return option;
}

// One of two words.
template <typename Get>
Option EitherOr(std::string key, std::string help, std::string no, std::string yes, Get get) {
  return {.key = std::move(key),
          .help = std::move(help),
          .set = [=](const std::string& text, Config& config) -> Status {
            if (text != no && text != yes) return InvalidArgument(fmt::format("'{}' is none of {}, {}", text, no, yes));
            get(config) = text == yes;
            return {};
          },
          .show = [=](const Config& config) { return get(const_cast<Config&>(config)) ? yes : no; },
          .form = {.kind = ValueForm::Kind::kWords, .words = {no, yes}}};
}

// A path, which may be empty.
template <typename Get>
Option Path(std::string key, std::string help, std::string rule, Get get) {
  Option option = Text(std::move(key), std::move(help), get);
  option.show = [=](const Config& config) { return get(const_cast<Config&>(config)).string(); };
  option.rule = std::move(rule);
  return option;
}

// Unset by "off".
template <typename Get>
Option MaybePort(std::string key, std::string help, Get get) {
  return {.key = std::move(key),
          .help = fmt::format("{}; 0 takes any free one, off: there is none (0 to 65535, or off)", help),
          .set = [=](const std::string& text, Config& config) -> Status {
            if (text == "off") {
              get(config) = std::nullopt;
              return {};
            }
            const Result<std::uint64_t> value = ParseCount(text, 0, 65535);
            if (!value) return std::unexpected(value.error());
            get(config) = static_cast<std::uint16_t>(*value);
            return {};
          },
          .show =
              [=](const Config& config) {
                const std::optional<std::uint16_t>& port = get(const_cast<Config&>(config));
                return port ? std::to_string(*port) : std::string("off");
              },
          .form = {.kind = ValueForm::Kind::kCount, .most = 65535, .words = {"off"}}};
}

}  // namespace weir::app
