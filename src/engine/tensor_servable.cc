#include "engine/tensor_servable.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace weir {
namespace {

class TensorRunner final : public Runner {
 public:
  explicit TensorRunner(std::unique_ptr<Session> session) : session_(std::move(session)) {}

  std::vector<Result<std::vector<Tensor>>> Run(std::span<const JobPtr> batch, const std::stop_token& stop) override {
    std::vector<Result<std::vector<Tensor>>> results;
    results.reserve(batch.size());
    for (const JobPtr& job : batch) results.push_back(session_->Run(job->request.inputs, stop));
    graph_time_ = session_->graph_time();  // of one job: max_batch
    return results;
  }

 private:
  const std::unique_ptr<Session> session_;
};

class TensorServable final : public Servable {
 public:
  explicit TensorServable(std::shared_ptr<const Model> model) : model_(std::move(model)) {}

  const Manifest& manifest() const override { return model_->manifest(); }
  std::string_view task() const override { return "tensor"; }
  std::size_t max_batch() const override { return 1; }
  std::unique_ptr<Runner> NewRunner() const override { return std::make_unique<TensorRunner>(model_->NewSession()); }

  Status WarmUp() const override {
    std::vector<Tensor> inputs;
    bool guessed = false;
    for (const TensorSpec& spec : manifest().inputs) {
      Shape shape = spec.shape;
      guessed = guessed || std::ranges::any_of(shape, [](std::int64_t size) { return size < 0; });
      for (std::int64_t& size : shape) size = std::max<std::int64_t>(size, 1);
      inputs.push_back(Tensor::Uninitialised(spec.type, std::move(shape)));
      if (spec.type == DataType::kBytes) continue;  // empty ones
      std::ranges::fill(std::span(const_cast<std::byte*>(inputs.back().data()), inputs.back().bytes()), std::byte{0});
    }
    Result<std::vector<Tensor>> outputs = model_->NewSession()->Run(inputs, {});
    if (!outputs && outputs.error().code == Code::kUnprocessable && guessed) {
      log::Info("its sizes are open, and it does not run with all of them 1: it is served unproven");
      return {};
    }
    if (!outputs) return Forward(outputs);
    return {};
  }

 private:
  const std::shared_ptr<const Model> model_;
};

}  // namespace

std::shared_ptr<const Servable> MakeTensorServable(std::shared_ptr<const Model> model) {
  return std::make_shared<TensorServable>(std::move(model));
}

std::optional<JobRequest> Servable::Sample(std::uint32_t) const { return std::nullopt; }

Status Servable::Check(const JobRequest& request) const { return CheckInputs(manifest(), request.inputs); }

JobCost Servable::CostOf(std::span<const Tensor> inputs) const {
  JobCost cost;
  for (const Tensor& input : inputs) cost.bytes += input.bytes();
  return cost;
}

Status CheckInputs(const Manifest& manifest, std::span<const Tensor> inputs) {
  if (inputs.size() != manifest.inputs.size()) {
    return InvalidArgument(
        fmt::format("the model takes {} inputs, the request has {}", manifest.inputs.size(), inputs.size()), "inputs");
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Status status = CheckAgainst(manifest.inputs[i], inputs[i]);
    if (!status) return status;
  }
  return {};
}

}  // namespace weir
