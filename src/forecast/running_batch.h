// Forecasts under way together, a token a step each.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/result.h"
#include "forecast/forecast.h"
#include "forecast/key_value_slots.h"
#include "forecast/kronos_model.h"
#include "forecast/normalise.h"
#include "forecast/token_decoder.h"

namespace weir::forecast {

// Forecasts of any lengths, horizons and samplings join and leave between steps; none changes what another gives. A row
// is one sample of one forecast. While a row's tokens fit the model's context their keys and values are kept, and a
// step reads the last token only; from then on each step reads the whole window again, as the original does. A forecast
// that need not be exact forgets the oldest quarter of its window instead, reads the rest again once, and keeps that.
// Of one with more samples than there are rows, some wait until others have ended. Confined to one thread.
// What a forecast costs, in tokens that are read: as many as a window holds where it is read whole; a row's step whose
// keys and values are kept reads one token, and all weights for it, which takes as long as some more.
std::uint64_t WorkOf(const KronosManifest& manifest, std::size_t history, std::size_t steps, std::size_t samples);

class RunningBatch {
 public:
  using Id = std::uint64_t;

  // `rows`: the most at once.
  RunningBatch(std::shared_ptr<const KronosModel> model, std::size_t rows);

  std::size_t rows() const { return cached_.size() + sliding_.size(); }
  std::size_t free_rows() const { return capacity_ - rows(); }

  // Reads the history and draws the first token. Needs as many free rows as it has samples, or all there are. Blocks
  // for that long. An error is of this forecast alone, which is not in the batch then.
  Result<Id> Join(ForecastRequest request, const std::stop_token& stop);
  // One more token for every row. After an error nobody is in the batch any more.
  Status Step(const std::stop_token& stop);
  // What has been done since the last call, as WorkOf counts it.
  std::uint64_t TakeWork() { return std::exchange(work_, 0); }
  // Takes a forecast out, whether or not it has ended.
  void Leave(Id id);

  // Those that have all their tokens.
  std::vector<Id> Ended() const;
  // Of one that has ended: decodes its tokens and takes it out.
  Result<Forecast> Take(Id id, const std::stop_token& stop);

 private:
  struct Series {
    Id id = 0;
    ForecastRequest request;
    Scale scale;
    Tokens history;
    std::vector<Tokens> ended;           // of rows that have left, by sample
    std::size_t begun = 0;               // samples that have a row, or have had one
    std::size_t left = 0;                // samples that have not ended
    std::size_t rows = 0;                // of it in the batch
    std::optional<GrowingSample> shown;  // its history, decoded; none where candles are wanted at the end only

    bool waits() const { return rows == 0 && begun < ended.size(); }
  };
  struct Row {
    Series* series = nullptr;
    std::uint32_t sample = 0;
    Tokens tokens;
    std::size_t start = 0;                   // the first token of its window
    bool stale = false;                      // its window has moved: its keys and values are to be made again
    std::shared_ptr<GrowingSample> growing;  // null where nobody wants to see its candles before the end

    std::size_t drawn() const { return tokens.size() - series->request.candles.size(); }
    bool done() const { return drawn() == series->request.future.size(); }
    std::size_t window() const { return tokens.size() - start; }
  };
  // What the predictor gives of some rows.
  struct Predicted {
    Tensor second_key;
    Tensor second_value;
    Tensor context;
    Tensor logits;
  };

  Result<Tokens> Encode(const Series& series, const std::stop_token& stop);
  Result<Predicted> Predict(std::span<const Row* const> rows, std::int64_t steps, std::vector<Tensor> layers,
                            const std::stop_token& stop);
  static std::int64_t KeepSecond(KeyValueSlots& slots, std::int64_t slot, const Predicted& predicted);
  // Draws the first parts from `predicted`, has the second head answer, draws the second parts and adds the tokens.
  Status DrawTokens(std::span<Row* const> rows, const Predicted& predicted, const Tensor& key, const Tensor& value,
                    const std::vector<Tensor>& second, std::int64_t positions, const std::stop_token& stop);
  Status Show(const Row& row, const std::stop_token& stop);
  // Of a row's last token.
  std::int32_t PositionOf(const Row& row) const;
  std::int64_t DrawPart(const Row& row, std::uint32_t head, std::span<float> logits);
  // Gives some more of its samples a row each.
  Status Begin(Series& series, const std::stop_token& stop);
  Status BeginCached(std::span<Row> joining, const std::stop_token& stop);
  Status ReadAgain(std::size_t slot, const std::stop_token& stop);
  Status StepCached(const std::stop_token& stop);
  Status StepSliding(std::span<Row> rows, const std::stop_token& stop);
  // Rows that have all their tokens leave, and samples that wait take their places.
  Status Settle(const std::stop_token& stop);
  void Sort();
  void Forget(Row& row) const;
  void RemoveCached(std::size_t slot);
  Stamp StampAt(const Row& row, std::size_t position) const;

  const std::shared_ptr<const KronosModel> model_;
  const std::size_t capacity_;
  const std::unique_ptr<Session> encoder_;
  const std::unique_ptr<Session> predictor_;
  const std::unique_ptr<Session> second_head_;
  TokenDecoder decoder_;
  Id next_ = 1;
  std::vector<std::unique_ptr<Series>> series_;
  std::vector<Row> cached_;  // the i-th has slot i
  std::vector<Row> sliding_;
  KeyValueSlots slots_;
  KeyValueSlots scratch_;  // of windows that are read whole: one layer for all of them, as nothing in it is kept
  Probabilities probabilities_;
  std::uint64_t work_ = 0;
};

}  // namespace weir::forecast
