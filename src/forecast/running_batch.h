// Forecasts under way together, a token a step each.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/result.h"
#include "forecast/forecast.h"
#include "forecast/key_value_slots.h"
#include "forecast/kronos_model.h"
#include "forecast/normalise.h"

namespace weir::forecast {

// Forecasts of any lengths, horizons and samplings join and leave between steps; none changes what another gives. A row
// is one sample of one forecast. While a row's tokens fit the model's context their keys and values are kept, and a
// step reads the last token only; from then on each step reads the whole window again, as the original does. Confined
// to one thread.
class RunningBatch {
 public:
  using Id = std::uint64_t;

  // `rows`: the most at once.
  RunningBatch(std::shared_ptr<const KronosModel> model, std::size_t rows);

  std::size_t rows() const { return cached_.size() + sliding_.size(); }
  std::size_t free_rows() const { return capacity_ - rows(); }

  // Reads the history and draws the first token. Needs as many free rows as it has samples. Blocks for that long. An
  // error is of this forecast alone, which is not in the batch then.
  Result<Id> Join(ForecastRequest request, const std::stop_token& stop);
  // One more token for every row. After an error nobody is in the batch any more.
  Status Step(const std::stop_token& stop);
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
    std::vector<Tokens> ended;  // of rows that have left, by sample
    std::size_t left = 0;       // rows that go on
  };
  struct Row {
    Series* series = nullptr;
    std::uint32_t sample = 0;
    Tokens tokens;

    std::size_t drawn() const { return tokens.size() - series->request.candles.size(); }
    bool done() const { return drawn() == series->request.future.size(); }
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
  // Draws the first parts from `predicted`, has the second head answer, draws the second parts and adds the tokens.
  Status DrawTokens(std::span<Row* const> rows, const Predicted& predicted, const Tensor& key, const Tensor& value,
                    const std::vector<Tensor>& second, std::int64_t positions, const std::stop_token& stop);
  std::int64_t DrawPart(const Row& row, std::uint32_t head, std::span<float> logits);
  Status JoinCached(Row row, const std::stop_token& stop);
  Status StepCached(const std::stop_token& stop);
  Status StepSliding(std::span<Row> rows, const std::stop_token& stop);
  void Settle();
  void RemoveCached(std::size_t slot);
  Stamp StampAt(const Row& row, std::size_t position) const;

  const std::shared_ptr<const KronosModel> model_;
  const std::size_t capacity_;
  const std::unique_ptr<Session> encoder_;
  const std::unique_ptr<Session> predictor_;
  const std::unique_ptr<Session> second_head_;
  const std::unique_ptr<Session> decoder_;
  Id next_ = 1;
  std::vector<std::unique_ptr<Series>> series_;
  std::vector<Row> cached_;  // the i-th has slot i
  std::vector<Row> sliding_;
  KeyValueSlots slots_;
  KeyValueSlots scratch_;  // of windows that are read whole: one layer for all of them, as nothing in it is kept
  Probabilities probabilities_;
};

}  // namespace weir::forecast
