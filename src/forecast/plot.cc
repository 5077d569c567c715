#include "forecast/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "forecast/forecast_service.h"

namespace weir::forecast {
namespace {

constexpr double kWidth = 1200;
constexpr double kHeight = 600;
constexpr double kLeft = 90;
constexpr double kRight = 20;
constexpr double kTop = 50;
constexpr double kBottom = 60;
// Of the history no more is drawn than leaves the forecast a third of the picture.
constexpr std::size_t kHistoryPerStep = 2;
constexpr std::size_t kLeastHistory = 30;
constexpr double kBand = 0.1;  // closes below it, and as many above

constexpr char kStyle[] =
    "text{font:13px sans-serif;fill:#333}.title{font-size:17px}.grid{stroke:#e3e3e3}.wick{stroke:#666}"
    ".up{fill:#2a8a57}.down{fill:#c0392b}.next .up,.next .down{fill-opacity:.45}.next .wick{stroke:#aaa}"
    ".band{fill:#3b6fb6;fill-opacity:.18}.mean{fill:none;stroke:#1f4e8c;stroke-width:2}"
    ".now{stroke:#999;stroke-dasharray:5 4}";

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '&': escaped += "&amp;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

// 1, 2 or 5 times a power of ten: the least that is at least `least`.
double NiceStep(double least) {
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

class Drawing {
 public:
  explicit Drawing(const PlotData& data) : data_(data) {
    const std::size_t most = std::max(kLeastHistory, kHistoryPerStep * data.future.size());
    first_ = data.candles.size() - std::min(most, data.candles.size());
    if (data.samples.size() > 1) {
      low_ = QuantileOf(data.samples, kBand);
      high_ = QuantileOf(data.samples, 1 - kBand);
    }
    Scale();
  }

  std::string Draw() {
    fmt::format_to(out_,
                   R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}">)"
                   R"(<style>{2}</style><rect width="{0}" height="{1}" fill="#fff"/>)",
                   kWidth, kHeight, kStyle);
    fmt::format_to(out_, R"(<text class="title" x="{}" y="28">{}</text>)", kLeft, Escaped(data_.title));
    DrawGrid();
    DrawBand();
    DrawCandles("past", data_.candles.subspan(first_), 0);
    DrawCandles("next", data_.mean, history());
    DrawMean();
    text_ += "</svg>\n";
    return std::move(text_);
  }

 private:
  std::size_t history() const { return data_.candles.size() - first_; }
  std::size_t places() const { return history() + data_.future.size(); }
  double X(double place) const {
    return kLeft + (place + 0.5) * (kWidth - kLeft - kRight) / static_cast<double>(places());
  }
  double Y(double price) const { return kTop + (most_ - price) / (most_ - least_) * (kHeight - kTop - kBottom); }

  void Scale() {
    least_ = data_.mean[0][kLow];
    most_ = least_;
    const auto include = [&](std::span<const Candle> candles, bool all) {
      for (const Candle& candle : candles) {
        for (const std::size_t column : {kOpen, kHigh, kLow, kClose}) {
          if (!all && column != kClose) continue;
          least_ = std::min(least_, candle[column]);
          most_ = std::max(most_, candle[column]);
        }
      }
    };
    include(data_.candles.subspan(first_), true);
    include(data_.mean, true);
    include(low_, false);
    include(high_, false);
    const double margin = most_ > least_ ? 0.04 * (most_ - least_) : std::max(1e-9, std::abs(most_) * 0.01);
    least_ -= margin;
    most_ += margin;
  }

  void DrawGrid() {
    const double step = NiceStep((most_ - least_) / 8);
    for (double price = std::ceil(least_ / step) * step; price <= most_; price += step) {
      fmt::format_to(out_,
                     R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)"
                     R"(<text x="{}" y="{:.1f}" text-anchor="end">{:.6g}</text>)",
                     kLeft, kWidth - kRight, Y(price), Y(price), kLeft - 8, Y(price) + 4, price);
    }
    const std::size_t every = std::max<std::size_t>(1, (places() + 4) / 5);
    for (std::size_t place = 0; place < places(); place += every) {
      const Timestamp& time = place < history() ? data_.times[first_ + place] : data_.future[place - history()];
      fmt::format_to(out_, R"(<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)", X(static_cast<double>(place)),
                     kHeight - kBottom + 24, FormatTimestamp(time).substr(0, 16));
    }
    const double now = X(static_cast<double>(history()) - 0.5);
    fmt::format_to(out_, R"(<line class="now" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>)", now, kTop,
                   kHeight - kBottom);
  }

  // The line through the closes of `candles`, from the last known one on.
  void Path(const std::vector<Candle>& candles, bool back) {
    for (std::size_t i = 0; i < candles.size(); ++i) {
      const std::size_t at = back ? candles.size() - 1 - i : i;
      fmt::format_to(out_, "{:.1f},{:.1f} ", X(static_cast<double>(history() + at)), Y(candles[at][kClose]));
    }
  }

  void DrawBand() {
    if (low_.empty()) return;
    text_ += R"(<polygon class="band" points=")";
    Path(high_, false);
    Path(low_, true);
    text_ += R"("><title>four fifths of the samples close in it</title></polygon>)";
  }

  void DrawMean() {
    fmt::format_to(out_, R"(<polyline class="mean" points="{:.1f},{:.1f} )", X(static_cast<double>(history()) - 1),
                   Y(data_.candles.back()[kClose]));
    Path({data_.mean.begin(), data_.mean.end()}, false);
    text_ += R"("/>)";
  }

  void DrawCandles(std::string_view name, std::span<const Candle> candles, std::size_t begin) {
    const double width = std::max(1.0, 0.7 * (X(1) - X(0)));
    fmt::format_to(out_, R"(<g class="{}">)", name);
    for (std::size_t i = 0; i < candles.size(); ++i) {
      const Candle& candle = candles[i];
      const double x = X(static_cast<double>(begin + i));
      const double top = Y(std::max(candle[kOpen], candle[kClose]));
      const double bottom = Y(std::min(candle[kOpen], candle[kClose]));
      fmt::format_to(out_,
                     R"(<line class="wick" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>)"
                     R"(<rect class="{3}" x="{4:.1f}" y="{5:.1f}" width="{6:.1f}" height="{7:.1f}"/>)",
                     x, Y(candle[kHigh]), Y(candle[kLow]), candle[kClose] >= candle[kOpen] ? "up" : "down",
                     x - width / 2, top, width, std::max(1.0, bottom - top));
    }
    text_ += "</g>";
  }

  const PlotData& data_;
  std::size_t first_ = 0;  // of the history that is drawn
  std::vector<Candle> low_;
  std::vector<Candle> high_;
  double least_ = 0;
  double most_ = 0;
  std::string text_;
  std::back_insert_iterator<std::string> out_{text_};
};

}  // namespace

std::string DrawForecast(const PlotData& data) { return Drawing(data).Draw(); }

}  // namespace weir::forecast
