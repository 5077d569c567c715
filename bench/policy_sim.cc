// The batch policy on a grid of lengths and loads, in simulation: against "always batch" and "never batch".
#include <fmt/core.h>

#include <cmath>

#include "engine/batch_simulation.h"

namespace weir {
namespace {

std::uint32_t MixedLength(std::mt19937_64& random) {
  // Words: median 18, 95 % below 100; 1.3 tokens a word and two special ones.
  const double words = std::min(300.0, std::max(1.0, std::lognormal_distribution<>(std::log(18), 1.04)(random)));
  return static_cast<std::uint32_t>(words * 1.3) + 2;
}

SimulationResult Simulate(BatchMode mode, std::uint32_t length, std::size_t connections, double rate,
                          const CostModel& costs) {
  // "Always" may fill 32 places with any text.
  SimulationOptions options{
      .limits = {.mode = mode, .max_padded_length = 16384}, .connections = connections, .rate = rate};
  options.length = [length](std::mt19937_64& random) { return length == 0 ? MixedLength(random) : length; };
  return BatchSimulation(options, costs, costs).Run();
}

}  // namespace
}  // namespace weir

int main() {
  using namespace weir;
  CostModel costs;
  costs.Load(MiniLmTable());
  fmt::print(
      "| tokens | load | cost/s | always/s | never/s | of better | cost p99 ms | always | never | of better | batch | "
      "overtaken |\n");
  for (const std::uint32_t length : {16U, 64U, 128U, 256U, 0U}) {
    double best = 0;
    for (const BatchMode mode : {BatchMode::kAlways, BatchMode::kNever})
      best = std::max(best, Simulate(mode, length, 64, 0, costs).per_second);
    struct Load {
      std::size_t connections;
      double part;
    };
    for (const Load load : {Load{1, 0}, Load{4, 0}, Load{16, 0}, Load{64, 0}, Load{0, .5}, Load{0, .8}, Load{0, .95}}) {
      const double rate = load.part * best;
      const SimulationResult cost = Simulate(BatchMode::kCost, length, load.connections, rate, costs);
      const SimulationResult always = Simulate(BatchMode::kAlways, length, load.connections, rate, costs);
      const SimulationResult never = Simulate(BatchMode::kNever, length, load.connections, rate, costs);
      fmt::print(
          "| {:>5} | {:>6} | {:6.1f} | {:6.1f} | {:6.1f} | {:.3f} | {:7.1f} | {:7.1f} | {:7.1f} | {:.2f} | {:.1f} | {} "
          "|\n",
          length == 0 ? "mixed" : std::to_string(length),
          load.connections > 0 ? std::to_string(load.connections) : fmt::format("{:.0f} %", load.part * 100),
          cost.per_second, always.per_second, never.per_second,
          cost.per_second / std::max(always.per_second, never.per_second), cost.p99 * 1e3, always.p99 * 1e3,
          never.p99 * 1e3, cost.p99 / std::min(always.p99, never.p99), cost.batch, cost.most_overtaken);
    }
  }
}
