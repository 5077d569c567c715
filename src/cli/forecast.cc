// `weir forecast`: what follows the candles of a file.
#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <fstream>
#include <random>
#include <utility>

#include "base/log.h"
#include "base/machine.h"
#include "cli/commands.h"
#include "cli/fail.h"
#include "cli/terminal.h"
#include "codec/json_writer.h"
#include "dataset/candle_csv.h"
#include "forecast/plot.h"
#include "forecast/running_batch.h"
#include "model/onnx/onnx_backend.h"

namespace weir::cli {
namespace {

using dataset::CandleTable;
using forecast::Forecast;
using forecast::ForecastRequest;
using forecast::Timestamp;

struct ForecastFlags {
  std::string model;
  std::string models = "models";
  std::string csv;
  std::string out;
  std::int64_t horizon = 120;
  std::int64_t lookback = 0;
  double temperature = 1;
  int top_k = 0;
  double top_p = 0.9;
  std::uint32_t samples = 1;
  std::uint64_t seed = 0;
  bool json = false;
  bool quick = false;
  std::string plot;  // a file; empty: none is drawn
};

std::shared_ptr<const forecast::KronosModel> Load(const ForecastFlags& flags, Backend& backend) {
  const std::filesystem::path named = std::filesystem::path(flags.models) / flags.model;
  auto model =
      forecast::LoadKronos(backend, std::filesystem::exists(named) ? named : std::filesystem::path(flags.model));
  QuitUnless(model);
  return *model;
}

// The table cut to what is looked at, and what is asked for.
ForecastRequest RequestOf(const ForecastFlags& flags, const forecast::KronosManifest& manifest, CandleTable& table,
                          std::vector<Timestamp>& future) {
  std::int64_t lookback = flags.lookback;
  // As many as leave the forecast within the context, where each step is cheap.
  if (lookback == 0) lookback = std::max<std::int64_t>(1, manifest.max_context - flags.horizon);
  auto after = forecast::TimesAfter(table.times, flags.horizon);
  QuitUnless(after);
  future = std::move(*after);
  const auto drop = std::max<std::int64_t>(0, std::ssize(table.candles) - lookback);
  table.candles.erase(table.candles.begin(), table.candles.begin() + drop);
  table.times.erase(table.times.begin(), table.times.begin() + drop);
  ForecastRequest request;
  request.candles = table.candles;
  for (const Timestamp& time : table.times) request.stamps.push_back(StampOf(time));
  for (const Timestamp& time : future) request.future.push_back(StampOf(time));
  request.sampling = {.temperature = static_cast<float>(flags.temperature),
                      .top_k = flags.top_k,
                      .top_p = static_cast<float>(flags.top_p)};
  request.samples = flags.samples;
  request.seed = flags.seed;
  request.exact = !flags.quick;
  QuitUnless(CheckForecast(request, manifest));
  return request;
}

Forecast Run(std::shared_ptr<const forecast::KronosModel> model, ForecastRequest request) {
  const bool shows = IsTerminal(STDERR_FILENO);
  const std::size_t horizon = request.future.size();
  forecast::RunningBatch batch(std::move(model), request.samples);
  const auto id = batch.Join(std::move(request), {});
  QuitUnless(id);
  for (std::size_t step = 1; batch.Ended().empty(); ++step) {
    if (shows) fmt::print(stderr, "\rforecasting: {} of {} ", step, horizon);
    QuitUnless(batch.Step({}));
  }
  if (shows) fmt::print(stderr, "\r{:40}\r", "");
  auto forecast = batch.Take(*id, {});
  QuitUnless(forecast);
  return std::move(*forecast);
}

std::string AsJson(const std::vector<Timestamp>& times, const Forecast& forecast, std::uint64_t seed) {
  codec::JsonWriter json;
  json.BeginObject().Key("seed").Int(static_cast<std::int64_t>(seed)).Key("prediction").BeginArray();
  for (std::size_t row = 0; row < times.size(); ++row) {
    json.BeginObject().Key("timestamp").String(FormatTimestamp(times[row]));
    std::size_t column = 0;
    for (const char* name : {"open", "high", "low", "close", "volume", "amount"}) {
      json.Key(name).Float(static_cast<float>(forecast.mean[row][column++]));
    }
    json.EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

void WriteFile(const std::string& name, const std::string& text) {
  std::ofstream file(name, std::ios::binary);
  file << text;
  file.close();
  if (!file) Quit({Code::kUnavailable, fmt::format("{} cannot be written", name)});
}

void RunForecast(const ForecastFlags& flags) {
  log::SetLevel(log::Level::kOff);
  auto table = dataset::ReadCandles(flags.csv);
  QuitUnless(table);
  const std::unique_ptr<Backend> backend =
      MakeOnnxBackend({.intra_op_threads = static_cast<int>(ThisMachine().cores())});
  const auto model = Load(flags, *backend);
  std::vector<Timestamp> future;
  ForecastRequest request = RequestOf(flags, model->manifest, *table, future);
  const Forecast forecast = Run(model, std::move(request));
  const std::string text = flags.json ? AsJson(future, forecast, flags.seed)
                                      : dataset::WriteCandles({.times = future, .candles = forecast.mean});
  if (!flags.plot.empty()) {
    const std::string title = fmt::format("{}: {} candles after {}", flags.model, future.size(), flags.csv);
    WriteFile(flags.plot, forecast::DrawForecast({.title = title,
                                                  .times = table->times,
                                                  .candles = table->candles,
                                                  .future = future,
                                                  .mean = forecast.mean,
                                                  .samples = forecast.samples}));
  }
  if (flags.out.empty()) {
    fmt::print("{}", text);
  } else {
    WriteFile(flags.out, text);
  }
}

}  // namespace

void AddForecast(CLI::App& program) {
  CLI::App* command = program.add_subcommand("forecast", "Forecast the candles that follow those of a CSV file");
  auto flags = std::make_shared<ForecastFlags>();
  flags->seed = std::random_device()();
  command
      ->add_option("model", flags->model,
                   "A folder that `weir models convert kronos` has made, or its name under --models")
      ->required();
  command->add_option("--models", flags->models, "Folder whose sub-folders are models")->capture_default_str();
  command
      ->add_option("--csv", flags->csv,
                   "Candles: columns timestamps, open, high, low, close, perhaps volume and amount")
      ->required();
  command->add_option("--horizon", flags->horizon, "Candles to forecast")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option(
          "--lookback", flags->lookback,
          "The last so many candles are looked at (default: as many as fit the model's context with the forecast)")
      ->check(CLI::PositiveNumber);
  command->add_option("--temperature", flags->temperature, "How far draws may stray from what is likeliest")
      ->capture_default_str();
  command->add_option("--top-k", flags->top_k, "Draw from the k likeliest only; 1: always the likeliest")
      ->capture_default_str();
  command->add_option("--top-p", flags->top_p, "Without --top-k: draw from the likeliest that make up this share")
      ->capture_default_str();
  command->add_option("--samples", flags->samples, "Futures to draw; the forecast is their mean")
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "Of all draws: the same seed, the same forecast (default: by chance)");
  command->add_flag("--json", flags->json, "JSON instead of CSV; tells the seed");
  command->add_flag("--quick", flags->quick,
                    "Where the window slides, forget a quarter of it at once: quicker, and not exact there");
  command->add_option("--plot", flags->plot, "Draw history and forecast, with several samples their band: an SVG file")
      ->expected(0, 1)
      ->default_str("forecast.svg")
      ->type_name("FILE");
  command->add_option("-o,--out", flags->out, "A file instead of standard output");
  command->footer("Example:\n  weir forecast models/kronos --csv candles.csv --horizon 24 --samples 5");
  command->callback([flags] { RunForecast(*flags); });
}

}  // namespace weir::cli
