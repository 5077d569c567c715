#include "forecast/running_batch.h"

#include <algorithm>
#include <utility>

namespace weir::forecast {
namespace {

// Windows that are read whole in one run: their rows of activations are long enough for the matrix products.
constexpr std::int64_t kWindowsTogether = 4;
// Samples that are decoded in one run: more only take more memory.
constexpr std::size_t kDecodedTogether = 8;
// Of a row's step whose keys and values are kept. (Kronos-small on one core: 4 ms alone, 1.5 ms in company of 4; a
// window of 512 tokens 136 ms.)
constexpr std::int64_t kStepWork = 10;

KronosManifest WithOneLayer(KronosManifest manifest) {
  manifest.layers = 1;
  return manifest;
}

template <typename T>
Tensor Filled(DataType type, Shape shape, const std::vector<T>& values) {
  Tensor tensor = Tensor::Uninitialised(type, std::move(shape));
  std::ranges::copy(values, tensor.Mutable<T>().begin());
  return tensor;
}

Tensor Total(std::int64_t positions) {
  return Filled<std::int32_t>(DataType::kInt32, {}, {static_cast<std::int32_t>(positions)});
}

// Row `index` of a tensor of [rows, width].
std::span<float> RowOf(const Tensor& tensor, std::size_t index) {
  const std::size_t width = tensor.elements() / static_cast<std::size_t>(tensor.shape()[0]);
  return {const_cast<float*>(tensor.As<float>().data()) + index * width, width};
}

// The last `width` numbers.
std::vector<float> LastOf(const Tensor& tensor, std::int64_t width) {
  const auto values = tensor.As<float>().last(static_cast<std::size_t>(width));
  return {values.begin(), values.end()};
}

}  // namespace

// All but those of the last token, which the second head adds itself. Returns the size of one token's.
std::int64_t RunningBatch::KeepSecond(KeyValueSlots& slots, std::int64_t slot, const Predicted& predicted) {
  const std::int64_t width = predicted.second_key.shape()[2];
  const auto before = [&](const Tensor& tensor) {
    return tensor.As<float>().first(tensor.elements() - static_cast<std::size_t>(width));
  };
  slots.FillSecond(slot, before(predicted.second_key), before(predicted.second_value));
  return width;
}

std::int32_t RunningBatch::PositionOf(const Row& row) const {
  return static_cast<std::int32_t>(std::min(row.window(), static_cast<std::size_t>(model_->manifest.max_context))) - 1;
}

std::uint64_t WorkOf(const KronosManifest& manifest, std::size_t history, std::size_t steps, std::size_t samples) {
  const auto context = static_cast<std::size_t>(manifest.max_context);
  const std::size_t kept = history < context ? std::min(steps, context - history + 1) : 0;
  const std::size_t read = history < context ? history : 0;
  return read + samples * (kept * static_cast<std::size_t>(kStepWork) + (steps - kept) * context);
}

RunningBatch::RunningBatch(std::shared_ptr<const KronosModel> model, std::size_t rows)
    : model_(std::move(model)), capacity_(rows), encoder_(model_->encoder->NewSession()),
      predictor_(model_->predictor->NewSession()), second_head_(model_->second_head->NewSession()), decoder_(model_),
      slots_(model_->manifest, static_cast<std::int64_t>(rows)),
      scratch_(WithOneLayer(model_->manifest), kWindowsTogether) {}

Stamp RunningBatch::StampAt(const Row& row, std::size_t position) const {
  const ForecastRequest& request = row.series->request;
  const std::size_t history = request.stamps.size();
  return position < history ? request.stamps[position] : request.future[position - history];
}

Result<Tokens> RunningBatch::Encode(const Series& series, const std::stop_token& stop) {
  const std::vector<float> rows =
      Normalise(series.request.candles, series.scale, static_cast<float>(model_->manifest.clip));
  const auto count = static_cast<std::int64_t>(series.request.candles.size());
  const Tensor inputs[] = {Filled(DataType::kFp32, {1, count, static_cast<std::int64_t>(kColumns)}, rows),
                           Filled<std::int32_t>(DataType::kInt32, {1}, {static_cast<std::int32_t>(count - 1)}),
                           Total(count)};
  const auto outputs = encoder_->Run(inputs, stop);
  if (!outputs) return std::unexpected(outputs.error());
  const auto parts = (*outputs)[0].As<std::int64_t>();
  Tokens tokens;
  for (std::size_t i = 0; i + 1 < parts.size(); i += 2) tokens.Add(parts[i], parts[i + 1]);
  return tokens;
}

// The last `steps` tokens of each row, of which as many as fit the context count with the past.
Result<RunningBatch::Predicted> RunningBatch::Predict(std::span<const Row* const> rows, std::int64_t steps,
                                                      std::vector<Tensor> layers, const std::stop_token& stop) {
  const auto count = static_cast<std::int64_t>(rows.size());
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> second;
  std::vector<std::int64_t> stamps;
  std::vector<std::int32_t> last;
  for (const Row* row : rows) {
    const std::size_t end = row->tokens.size();
    for (std::size_t at = end - static_cast<std::size_t>(steps); at < end; ++at) {
      first.push_back(row->tokens.first[at]);
      second.push_back(row->tokens.second[at]);
      const Stamp stamp = StampAt(*row, at);
      stamps.insert(stamps.end(), stamp.begin(), stamp.end());
    }
    last.push_back(PositionOf(*row));
  }
  std::vector<Tensor> inputs{Filled(DataType::kInt64, {count, steps}, first),
                             Filled(DataType::kInt64, {count, steps}, second),
                             Filled(DataType::kInt64, {count, steps, std::ssize(Stamp{})}, stamps),
                             Filled(DataType::kInt32, {count}, last),
                             Total(*std::ranges::max_element(last) + 1),
                             Filled(DataType::kInt64, {count, 1}, std::vector(rows.size(), steps - 1))};
  inputs.insert(inputs.end(), layers.begin(), layers.end());
  work_ += static_cast<std::uint64_t>(steps == 1 ? count * kStepWork : count * steps);
  std::vector<Tensor> outputs = std::move(layers);
  const std::size_t cached = outputs.size();
  outputs.resize(cached + 4);
  if (Status run = predictor_->RunInto(inputs, outputs, stop); !run) return Forward(run);
  return Predicted{.second_key = std::move(outputs[cached]),
                   .second_value = std::move(outputs[cached + 1]),
                   .context = std::move(outputs[cached + 2]),
                   .logits = std::move(outputs[cached + 3])};
}

std::int64_t RunningBatch::DrawPart(const Row& row, std::uint32_t head, std::span<float> logits) {
  const ForecastRequest& request = row.series->request;
  probabilities_.Make(request.sampling, logits);
  const DrawNumber number{
      .sample = request.first_sample + row.sample, .step = static_cast<std::uint32_t>(row.drawn()), .head = head};
  return static_cast<std::int64_t>(Draw(logits, UniformDraw(request.seed, number)));
}

Status RunningBatch::DrawTokens(std::span<Row* const> rows, const Predicted& predicted, const Tensor& key,
                                const Tensor& value, const std::vector<Tensor>& second, std::int64_t positions,
                                const std::stop_token& stop) {
  std::vector<std::int64_t> first;
  std::vector<std::int32_t> last;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    first.push_back(DrawPart(*rows[i], 0, RowOf(predicted.logits, i)));
    last.push_back(PositionOf(*rows[i]));
  }
  const auto count = static_cast<std::int64_t>(rows.size());
  const Tensor inputs[] = {Filled(DataType::kInt64, {count, 1}, first), predicted.context, key,       value,
                           Filled(DataType::kInt32, {count}, last),     Total(positions),  second[0], second[1]};
  Tensor outputs[] = {Tensor(), second[0], second[1]};
  if (Status run = second_head_->RunInto(inputs, outputs, stop); !run) return run;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i]->tokens.Add(first[i], DrawPart(*rows[i], 1, RowOf(outputs[0], i)));
    if (!rows[i]->growing) continue;
    if (Status shown = Show(*rows[i], stop); !shown) return shown;
  }
  return {};
}

// Its newest candle, to who wants to see it.
Status RunningBatch::Show(const Row& row, const std::stop_token& stop) {
  const auto decoded = decoder_.DecodeMore(row.tokens, *row.growing, stop);
  if (!decoded) return std::unexpected(decoded.error());
  const ForecastRequest& request = row.series->request;
  request.on_candle({.sample = request.first_sample + row.sample, .step = static_cast<std::uint32_t>(row.drawn() - 1)},
                    Restore(decoded->As<float>().last(kColumns), row.series->scale));
  return {};
}

// Reads the history once into the slot of the first sample, and copies it to those of the others.
Status RunningBatch::BeginCached(std::span<Row> joining, const std::stop_token& stop) {
  const auto slot = static_cast<std::int64_t>(cached_.size());
  const auto steps = static_cast<std::int64_t>(joining.front().window());
  const auto count = std::ssize(joining);
  const Row* const reading[] = {&joining.front()};
  auto predicted = Predict(reading, steps, slots_.Layers(slot, 1), stop);
  if (!predicted) return Forward(predicted);
  const std::int64_t width = KeepSecond(slots_, slot, *predicted);
  for (std::int64_t sample = 1; sample < count; ++sample) slots_.Copy(slot, slot + sample, steps);
  // Each sample draws from the same numbers.
  const auto repeated = [&](const Tensor& tensor, std::int64_t columns, Shape shape) {
    const auto values = tensor.As<float>().last(static_cast<std::size_t>(columns));
    Tensor many = Tensor::Uninitialised(DataType::kFp32, std::move(shape));
    const auto out = many.Mutable<float>();
    for (std::size_t at = 0; at < out.size(); at += values.size()) {
      std::ranges::copy(values, out.subspan(at, values.size()).begin());
    }
    return many;
  };
  const Predicted each{
      .second_key = repeated(predicted->second_key, width, {count, 1, width}),
      .second_value = repeated(predicted->second_value, width, {count, 1, width}),
      .context = repeated(predicted->context, predicted->context.shape()[1], {count, predicted->context.shape()[1]}),
      .logits = repeated(predicted->logits, predicted->logits.shape()[1], {count, predicted->logits.shape()[1]})};
  std::vector<Row*> pointers;
  for (Row& row : joining) pointers.push_back(&row);
  Status drawn =
      DrawTokens(pointers, each, each.second_key, each.second_value, slots_.Second(slot, count), steps, stop);
  if (!drawn) return drawn;
  cached_.insert(cached_.end(), std::move_iterator(joining.begin()), std::move_iterator(joining.end()));
  return {};
}

Status RunningBatch::Begin(Series& series, const std::stop_token& stop) {
  const std::size_t samples = std::min(series.ended.size() - series.begun, free_rows());
  const ForecastRequest& request = series.request;
  Row row{.series = &series, .tokens = series.history};
  const auto context = static_cast<std::size_t>(model_->manifest.max_context);
  if (!request.exact && row.window() >= context) Forget(row);
  std::vector<Row> joining(samples, row);
  for (Row& one : joining) {
    one.sample = static_cast<std::uint32_t>(series.begun++);
    if (!series.shown) continue;
    one.growing = std::make_shared<GrowingSample>(series.shown->Fork());
  }
  series.rows = samples;
  if (row.window() < context) return BeginCached(joining, stop);
  if (Status begun = StepSliding(joining, stop); !begun) return begun;
  sliding_.insert(sliding_.end(), std::move_iterator(joining.begin()), std::move_iterator(joining.end()));
  return {};
}

Result<RunningBatch::Id> RunningBatch::Join(ForecastRequest request, const std::stop_token& stop) {
  auto joining = std::make_unique<Series>();
  joining->id = next_++;
  joining->request = std::move(request);
  joining->scale = ScaleOf(joining->request.candles);
  joining->left = joining->request.samples;
  joining->ended.resize(joining->left);
  auto tokens = Encode(*joining, stop);
  if (!tokens) return Forward(tokens);
  joining->history = std::move(*tokens);
  if (joining->request.on_candle) {
    joining->shown.emplace(model_->manifest, joining->history.size() + joining->request.future.size());
    const auto read = decoder_.DecodeMore(joining->history, *joining->shown, stop);
    if (!read) return std::unexpected(read.error());
  }
  Series& series = *joining;
  if (Status begun = Begin(series, stop); !begun) return Forward(begun);
  series_.push_back(std::move(joining));
  Status settled = Settle(stop);
  if (!settled) {
    Leave(series.id);
    return Forward(settled);
  }
  return series.id;
}

// A row whose window is full, and which need not be exact.
void RunningBatch::Forget(Row& row) const {
  const auto context = static_cast<std::size_t>(model_->manifest.max_context);
  row.start = row.tokens.size() - (context - context / 4);
}

// What is left of a window that has moved, and the next token with it.
Status RunningBatch::ReadAgain(std::size_t slot, const std::stop_token& stop) {
  Row* const rows[] = {&cached_[slot]};
  const auto at = static_cast<std::int64_t>(slot);
  const auto steps = static_cast<std::int64_t>(rows[0]->window());
  const Row* const reading[] = {rows[0]};
  const auto predicted = Predict(reading, steps, slots_.Layers(at, 1), stop);
  if (!predicted) return std::unexpected(predicted.error());
  const std::int64_t width = KeepSecond(slots_, at, *predicted);
  const auto last = [&](const Tensor& tensor) { return Filled(DataType::kFp32, {1, 1, width}, LastOf(tensor, width)); };
  rows[0]->stale = false;
  return DrawTokens(rows, *predicted, last(predicted->second_key), last(predicted->second_value), slots_.Second(at, 1),
                    steps, stop);
}

Status RunningBatch::StepCached(const std::stop_token& stop) {
  if (cached_.empty()) return {};
  std::vector<Row*> rows;
  std::size_t longest = 0;
  for (Row& row : cached_) {
    rows.push_back(&row);
    longest = std::max(longest, row.window());
  }
  const std::vector<const Row*> reading(rows.begin(), rows.end());
  const auto count = static_cast<std::int64_t>(rows.size());
  const auto predicted = Predict(reading, 1, slots_.Layers(0, count), stop);
  if (!predicted) return std::unexpected(predicted.error());
  return DrawTokens(rows, *predicted, predicted->second_key, predicted->second_value, slots_.Second(0, count),
                    static_cast<std::int64_t>(longest), stop);
}

Status RunningBatch::StepSliding(std::span<Row> rows, const std::stop_token& stop) {
  const std::int64_t context = model_->manifest.max_context;
  for (std::size_t begin = 0; begin < rows.size(); begin += kWindowsTogether) {
    const std::span<Row> some = rows.subspan(begin, std::min<std::size_t>(kWindowsTogether, rows.size() - begin));
    std::vector<Row*> windows;
    for (Row& row : some) windows.push_back(&row);
    const std::vector<const Row*> reading(windows.begin(), windows.end());
    const auto count = static_cast<std::int64_t>(some.size());
    std::vector<Tensor> layers;
    const std::vector<Tensor> layer = scratch_.Layers(0, count);
    for (std::int64_t i = 0; i < model_->manifest.layers; ++i) layers.insert(layers.end(), layer.begin(), layer.end());
    const auto predicted = Predict(reading, context, std::move(layers), stop);
    if (!predicted) return std::unexpected(predicted.error());
    const std::int64_t width = predicted->second_key.shape()[2];
    Tensor key = Tensor::Uninitialised(DataType::kFp32, {count, 1, width});
    Tensor value = Tensor::Uninitialised(DataType::kFp32, {count, 1, width});
    for (std::size_t i = 0; i < some.size(); ++i) {
      const std::span<const float> keys = RowOf(predicted->second_key, i);
      const std::span<const float> values = RowOf(predicted->second_value, i);
      const std::size_t before = keys.size() - static_cast<std::size_t>(width);
      scratch_.FillSecond(static_cast<std::int64_t>(i), keys.first(before), values.first(before));
      std::ranges::copy(keys.subspan(before), RowOf(key, i).begin());
      std::ranges::copy(values.subspan(before), RowOf(value, i).begin());
    }
    Status drawn = DrawTokens(windows, *predicted, key, value, scratch_.Second(0, count), context, stop);
    if (!drawn) return drawn;
  }
  return {};
}

void RunningBatch::RemoveCached(std::size_t slot) {
  const std::size_t last = cached_.size() - 1;
  if (slot != last) {
    // The newest token is not in the cache yet.
    slots_.Copy(static_cast<std::int64_t>(last), static_cast<std::int64_t>(slot),
                static_cast<std::int64_t>(cached_[last].window()) - 1);
    cached_[slot] = std::move(cached_[last]);
  }
  cached_.pop_back();
}

// Rows that have all their tokens leave; those whose window begins to slide give their slot back, unless what they keep
// need not be exact.
void RunningBatch::Sort() {
  const auto context = static_cast<std::size_t>(model_->manifest.max_context);
  const auto end = [](Row& row) {
    row.series->ended[row.sample] = std::move(row.tokens);
    --row.series->left;
    --row.series->rows;
  };
  for (std::size_t slot = cached_.size(); slot-- > 0;) {
    Row& row = cached_[slot];
    if (row.done()) {
      end(row);
      RemoveCached(slot);
    } else if (row.window() > context && row.series->request.exact) {
      sliding_.push_back(row);
      RemoveCached(slot);
    } else if (row.window() > context) {
      Forget(row);
      row.stale = true;
    }
  }
  std::erase_if(sliding_, [&](Row& row) {
    if (!row.done()) return false;
    end(row);
    return true;
  });
}

Status RunningBatch::Settle(const std::stop_token& stop) {
  Sort();
  for (const auto& series : series_) {
    while (series->waits()) {
      if (Status begun = Begin(*series, stop); !begun) return begun;
      Sort();
    }
  }
  return {};
}

Status RunningBatch::Step(const std::stop_token& stop) {
  Status stepped = StepSliding(sliding_, stop);
  for (std::size_t slot = 0; stepped && slot < cached_.size(); ++slot) {
    if (cached_[slot].stale) stepped = ReadAgain(slot, stop);
  }
  if (stepped) Sort();
  if (stepped) stepped = StepCached(stop);
  if (stepped) stepped = Settle(stop);
  if (!stepped) {
    cached_.clear();
    sliding_.clear();
    series_.clear();
  }
  return stepped;
}

void RunningBatch::Leave(Id id) {
  for (std::size_t slot = cached_.size(); slot-- > 0;) {
    if (cached_[slot].series->id == id) RemoveCached(slot);
  }
  std::erase_if(sliding_, [&](const Row& row) { return row.series->id == id; });
  std::erase_if(series_, [&](const auto& series) { return series->id == id; });
}

std::vector<RunningBatch::Id> RunningBatch::Ended() const {
  std::vector<Id> ended;
  for (const auto& series : series_) {
    if (series->left == 0) ended.push_back(series->id);
  }
  return ended;
}

Result<Forecast> RunningBatch::Take(Id id, const std::stop_token& stop) {
  const auto found = std::ranges::find(series_, id, [](const auto& series) { return series->id; });
  const std::unique_ptr<Series> series = std::move(*found);
  series_.erase(found);
  const std::size_t horizon = series->request.future.size();
  Forecast forecast;
  std::vector<float> sum(horizon * kColumns);
  for (std::size_t begin = 0; begin < series->ended.size(); begin += kDecodedTogether) {
    const std::size_t count = std::min(kDecodedTogether, series->ended.size() - begin);
    const auto decoded = decoder_.Decode(std::span(series->ended).subspan(begin, count), stop);
    if (!decoded) return std::unexpected(decoded.error());
    for (std::size_t sample = 0; sample < count; ++sample) {
      const std::span<const float> rows = RowOf(*decoded, sample).last(horizon * kColumns);
      std::vector<Candle> candles;
      for (std::size_t step = 0; step < horizon; ++step) {
        candles.push_back(Restore(rows.subspan(step * kColumns, kColumns), series->scale));
      }
      forecast.samples.push_back(std::move(candles));
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += rows[i];
    }
  }
  for (float& value : sum) value /= static_cast<float>(series->ended.size());
  for (std::size_t step = 0; step < horizon; ++step) {
    forecast.mean.push_back(Restore(std::span(sum).subspan(step * kColumns, kColumns), series->scale));
  }
  forecast.tokens = std::move(series->ended);
  return forecast;
}

}  // namespace weir::forecast
