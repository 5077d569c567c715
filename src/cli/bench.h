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
#include "load/http_driver.h"
#include "load/pacer.h"
#include "load/report.h"
#include "load/table.h"

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

  // What `weir bench overload` sets.
  std::size_t infer_bodies = 1;          // different ones
  Duration deadline = Duration::zero();  // that each request tells the server; zero: none
};

// What is to be driven, ready to go: its facts for the report, and how. `drive` blocks until the pacer has finished or
// a stop is requested; it keeps alive what it needs.
struct BenchTarget {
  load::Report facts;
  std::function<Status(load::Pacer& pacer, std::stop_token stop)> drive;
};

// --header.
Result<std::vector<std::pair<std::string, std::string>>> HeadersOf(const BenchFlags& flags);
// Which door of which model of a server, and the requests for it. Fills target, model, door and input of `facts`. Asks
// the server for what the flags do not say.
Result<load::HttpLoad> RequestsFor(const BenchFlags& flags, load::Report& facts);
// Sends one request; the error is that of a request that can never succeed.
Status TryOne(const load::HttpLoad& server);
// A server that speaks HTTP. Sends one request, to learn of a mistake before the run.
Result<BenchTarget> PrepareServer(const BenchFlags& flags);
// A model in this process.
Result<BenchTarget> PrepareModel(const BenchFlags& flags);

// What the terminal behind a file can show.
load::TextStyle StyleOf(int file);
// --flag as a duration; ends the command with the error when it is none.
Duration DurationOf(std::string_view flag, const std::string& text);
// Ends the command as wrong use when `wrong`.
void Refuse(bool wrong, std::string_view why);
// Runs `work` on a thread of its own and shows `line()` on stderr meanwhile, when that is a terminal. The first Ctrl-C
// requests a stop, the second one ends the program. Blocks.
void RunWithProgress(const std::function<void(std::stop_token)>& work, const std::function<std::string()>& line);
// Into the file, or to stdout for "-". Ends the command when that fails.
void WriteJson(const std::string& file, const std::string& json);

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
