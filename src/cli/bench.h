// What the parts of `weir bench` share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "load/doors.h"
#include "load/pacer.h"
#include "load/report.h"

namespace weir::cli {

// The command line as it was given; what was left out is empty.
struct BenchFlags {
  std::string target;
  std::vector<std::string> compare;
  std::optional<std::size_t> connections;
  std::optional<double> rate;
  std::optional<std::size_t> max_in_flight;
  std::optional<std::string> duration;
  std::optional<std::uint64_t> requests;
  std::string warmup = "2s";
  std::string timeout = "30s";
  std::uint64_t seed = 1;
  std::string model;
  std::string door;
  std::optional<std::string> lengths;
  std::string texts;
  std::optional<std::size_t> batch;
  bool truncate = false;
  std::vector<std::string> shapes;
  std::string path;
  std::string body;
  std::vector<std::string> headers;
  std::optional<std::size_t> threads;
  std::string models = "models";
  std::vector<std::string> settings;
  std::string json;
  bool plot = false;
  bool no_plot = false;
};

// What is to be driven, ready to go: its facts for the report, and how. `drive` blocks until the pacer has finished or
// a stop is requested; it keeps alive what it needs.
struct BenchTarget {
  load::Report facts;
  std::function<Status(load::Pacer& pacer, std::stop_token stop)> drive;
};

// A server that speaks HTTP. Sends one request, to learn of a mistake before the run.
Result<BenchTarget> PrepareServer(const BenchFlags& flags);
// A model in this process.
Result<BenchTarget> PrepareModel(const BenchFlags& flags);

// Refuse what belongs to the other kind of input.
Status OnlyTexts(const BenchFlags& flags);
Status OnlyTensors(const BenchFlags& flags);

// --shape.
Result<load::Shapes> ShapesOf(const BenchFlags& flags);
// The texts of --texts or --lengths, at least `flags.batch`, with a word on where they are from.
struct BenchTexts {
  std::vector<std::string> texts;
  std::string origin;
};
Result<BenchTexts> TextsFor(const BenchFlags& flags);
// Which texts request `number` holds: `batch` of them, going round.
std::vector<std::string> BatchOf(const BenchTexts& texts, std::uint64_t number, std::size_t batch);
// "INPUT0 [1, 4], INPUT1 [1, 4]".
std::string ShapesInWords(const std::vector<TensorSpec>& specs, const std::vector<Tensor>& inputs);

}  // namespace weir::cli
