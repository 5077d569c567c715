// Runs batches of texts: pads, runs the encoder, pools each row.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/servable.h"
#include "text/text_model.h"

namespace weir {

// Made by TextModel::NewRunner; one thread at a time. Keeps the model alive only through its Deployment:
// `model` must outlive it.
class TextRunner final : public Runner {
 public:
  explicit TextRunner(const TextModel& model);

  std::vector<Result<std::vector<Tensor>>> Run(std::span<const JobPtr> batch, const std::stop_token& stop) override;

 private:
  // Inputs of the graph for the whole batch, each [jobs, longest]; padding stands under a mask of 0.
  std::vector<Tensor> Pad(std::span<const JobPtr> batch) const;
  // What all rows give: [jobs, width] for embeddings, [jobs, labels] for classification.
  Result<Tensor> Encode(std::span<const JobPtr> batch, const std::stop_token& stop);
  Tensor PoolRows(std::span<const JobPtr> batch, const Tensor& hidden) const;
  // The modules behind the pooling, then the head.
  Result<Tensor> Finish(Tensor rows, const std::stop_token& stop);

  const TextModel& model_;
  const std::unique_ptr<Session> encoder_;
  const std::unique_ptr<Session> head_;  // null when the model has none
};

}  // namespace weir
