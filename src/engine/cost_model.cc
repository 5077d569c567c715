#include "engine/cost_model.h"

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

constexpr std::size_t kBatchCount = CostGrid::kBatches.size();
constexpr std::size_t kLengthCount = CostGrid::kLengths.size();

// Time per text against a batch of one, for MiniLM (fp32, two lanes of one thread on two x86 cores): rows are
// batches of 1..32, columns lengths of 16, 64, 128 and 256 tokens. What a new model is taken for until it is measured.
constexpr double kPrior[kBatchCount][4] = {
    {1.00, 1.00, 1.00, 1.00}, {0.86, 0.96, 1.00, 1.02}, {0.75, 0.93, 1.00, 1.05},
    {0.70, 0.93, 1.01, 1.08}, {0.68, 0.96, 1.08, 1.12}, {0.68, 1.01, 1.12, 1.17},
};
constexpr std::array<std::size_t, 4> kPriorLengths = {1, 3, 4, 5};  // places of 16, 64, 128, 256 in kLengths
constexpr double kPriorPace = 200e-6;

constexpr double kSpeedWeight = 0.1;   // of the newest run in the present speed
constexpr double kCellWeight = 0.05;   // and in the cells around it
constexpr double kErrorWeight = 0.05;  // and in the error
constexpr double kMostStep = 0.5;      // a run counts as at most e^0.5 = 1.65 times slower or faster than predicted

// Where a value lies on an axis of powers of two: between `low` and `low` + 1, `part` of the way.
struct Place {
  std::size_t low = 0;
  double part = 0;
};

template <std::size_t N>
Place Locate(const std::array<std::uint32_t, N>& axis, double value) {
  if (value <= axis.front()) return {};
  if (value >= axis.back()) return {.low = N - 2, .part = 1};
  const double steps = std::log2(value / axis.front());
  const auto low = std::min(static_cast<std::size_t>(steps), N - 2);
  return {.low = low, .part = steps - static_cast<double>(low)};
}

double PriorGain(std::size_t batch, std::size_t length) {
  if (length <= kPriorLengths.front()) return kPrior[batch][0];
  for (std::size_t i = 1; i < kPriorLengths.size(); ++i) {
    if (length > kPriorLengths[i]) continue;
    const double part = static_cast<double>(length - kPriorLengths[i - 1]) /
                        static_cast<double>(kPriorLengths[i] - kPriorLengths[i - 1]);
    return kPrior[batch][i - 1] + part * (kPrior[batch][i] - kPrior[batch][i - 1]);
  }
  return kPrior[batch][3];
}

using Paces = std::array<std::array<double, kLengthCount>, kBatchCount>;

// Where a row was measured next to `from`, on either side; kLengthCount when nowhere.
struct Neighbours {
  std::size_t shorter = kLengthCount;
  std::size_t longer = kLengthCount;
};

Neighbours NextMeasured(const std::array<double, kLengthCount>& row, std::size_t from) {
  Neighbours found;
  for (std::size_t place = 0; place < kLengthCount; ++place) {
    if (row[place] == 0) continue;
    if (place <= from) found.shorter = place;
    if (place >= from && found.longer == kLengthCount) found.longer = place;
  }
  return found;
}

// Between two places of the grid by the distance to each.
template <typename At>
double Between(const Neighbours& next, std::size_t place, At at) {
  if (next.shorter == next.longer) return at(place);
  const double part = static_cast<double>(place - next.shorter) / static_cast<double>(next.longer - next.shorter);
  return at(next.shorter) * (1 - part) + at(next.longer) * part;
}

// Single runs first: between measured lengths, or as the nearest. Then what batches gain over them: between measured
// lengths; as at the next longer one, since what pays there pays for shorter texts; else a little worse than the next
// smaller batch, since measuring stops where a larger one has stopped paying.
Paces FillGaps(const Paces& measured) {
  Paces filled = measured;
  for (std::size_t length = 0; length < kLengthCount; ++length) {
    Neighbours next = NextMeasured(measured[0], length);
    if (next.shorter == kLengthCount) next.shorter = next.longer;
    if (next.longer == kLengthCount) next.longer = next.shorter;
    if (next.shorter == kLengthCount) {
      filled[0][length] = kPriorPace;
    } else if (next.shorter == next.longer) {
      filled[0][length] = measured[0][next.shorter];
    } else {
      filled[0][length] = Between(next, length, [&](std::size_t place) { return measured[0][place]; });
    }
  }
  for (std::size_t batch = 1; batch < kBatchCount; ++batch) {
    const auto gain = [&](std::size_t place) { return measured[batch][place] / filled[0][place]; };
    for (std::size_t length = 0; length < kLengthCount; ++length) {
      const Neighbours next = NextMeasured(measured[batch], length);
      double here = filled[batch - 1][length] / filled[0][length] * 1.02;
      if (next.longer != kLengthCount) {
        here = next.shorter == kLengthCount ? gain(next.longer) : Between(next, length, gain);
      } else if (next.shorter != kLengthCount) {
        here = std::max(here, gain(next.shorter));
      }
      filled[batch][length] = filled[0][length] * here;
    }
  }
  return filled;
}

double Tokens(std::size_t batch, std::size_t length) {
  return static_cast<double>(CostGrid::kBatches[batch]) * static_cast<double>(CostGrid::kLengths[length]);
}

void Smooth(std::atomic<double>& value, double to, double weight) {
  const double was = value.load(std::memory_order_relaxed);
  value.store(was + weight * (to - was), std::memory_order_relaxed);  // a lost update of two at once does not matter
}

}  // namespace

bool CostTable::empty() const {
  return std::ranges::all_of(seconds,
                             [](const auto& row) { return std::ranges::all_of(row, [](double s) { return s == 0; }); });
}

CostModel::CostModel() {
  for (std::size_t batch = 0; batch < kBatchCount; ++batch) {
    for (std::size_t length = 0; length < kLengthCount; ++length) {
      pace_[batch][length].store(kPriorPace * PriorGain(batch, length), std::memory_order_relaxed);
    }
  }
}

double CostModel::Pace(std::size_t batch, std::uint32_t length) const {
  const Place row = Locate(CostGrid::kBatches, static_cast<double>(batch));
  const Place column = Locate(CostGrid::kLengths, static_cast<double>(length));
  const auto at = [&](std::size_t b, std::size_t l) { return pace_[b][l].load(std::memory_order_relaxed); };
  const double low = at(row.low, column.low) * (1 - column.part) + at(row.low, column.low + 1) * column.part;
  const double high = at(row.low + 1, column.low) * (1 - column.part) + at(row.low + 1, column.low + 1) * column.part;
  return low * (1 - row.part) + high * row.part;
}

double CostModel::Seconds(std::size_t batch, std::uint32_t length) const {
  // Below the grid a token more costs next to nothing: a run has a least time.
  const std::uint32_t padded = std::max(length, CostGrid::kLengths.front());
  return Pace(batch, padded) * static_cast<double>(batch) * static_cast<double>(padded) *
         speed_.load(std::memory_order_relaxed);
}

void CostModel::Observe(std::size_t batch, std::uint32_t length, double seconds) {
  if (batch == 0 || seconds <= 0) return;
  const double predicted = Seconds(batch, length);
  if (!std::isfinite(predicted) || predicted <= 0) return;
  if (!scaled_.exchange(true, std::memory_order_relaxed)) {  // the prior knows the shape, not the scale
    speed_.store(std::clamp(seconds / predicted, 1e-6, 1e6), std::memory_order_relaxed);
    return;
  }
  Smooth(error_, std::min(std::abs(seconds / predicted - 1), 1.0), kErrorWeight);
  const double off = std::clamp(std::log(seconds / predicted), -kMostStep, kMostStep);
  const double speed = speed_.load(std::memory_order_relaxed);
  speed_.store(std::clamp(speed * std::exp(kSpeedWeight * off), 1e-6, 1e6), std::memory_order_relaxed);

  const Place row = Locate(CostGrid::kBatches, static_cast<double>(batch));
  const Place column = Locate(CostGrid::kLengths, static_cast<double>(std::max(length, CostGrid::kLengths.front())));
  for (const std::size_t b : {row.low, row.low + 1}) {
    for (const std::size_t l : {column.low, column.low + 1}) {
      const double near = (b == row.low ? 1 - row.part : row.part) * (l == column.low ? 1 - column.part : column.part);
      if (near == 0) continue;
      const double was = pace_[b][l].load(std::memory_order_relaxed);
      pace_[b][l].store(was * std::exp(kCellWeight * near * off), std::memory_order_relaxed);
    }
  }
}

void CostModel::Load(const CostTable& table) {
  Paces measured{};
  for (std::size_t batch = 0; batch < kBatchCount; ++batch) {
    for (std::size_t length = 0; length < kLengthCount; ++length) {
      measured[batch][length] = table.seconds[batch][length] / Tokens(batch, length);
    }
  }
  const Paces filled = FillGaps(measured);
  for (std::size_t batch = 0; batch < kBatchCount; ++batch) {
    for (std::size_t length = 0; length < kLengthCount; ++length) {
      pace_[batch][length].store(filled[batch][length], std::memory_order_relaxed);
    }
  }
  speed_.store(1, std::memory_order_relaxed);
  measured_.store(true, std::memory_order_relaxed);
  scaled_.store(true, std::memory_order_relaxed);
}

CostTable CostModel::Table() const {
  CostTable table;
  const double speed = speed_.load(std::memory_order_relaxed);
  for (std::size_t batch = 0; batch < kBatchCount; ++batch) {
    for (std::size_t length = 0; length < kLengthCount; ++length) {
      table.seconds[batch][length] =
          pace_[batch][length].load(std::memory_order_relaxed) * Tokens(batch, length) * speed;
    }
  }
  return table;
}

}  // namespace weir
