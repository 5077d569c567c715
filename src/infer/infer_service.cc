#include "infer/infer_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "infer/named_tensors.h"
#include "infer/text_interface.h"

namespace weir {
namespace {

using Done = std::move_only_function<void(Result<InferAnswer>)>;

constexpr std::string_view kEncoder = ".encoder";

std::string VersionOf(const Deployment& deployment) {
  return VersionText(ParseReference(deployment.name()).version.value_or(0));
}

std::shared_ptr<const TextModel> TextModelOf(const Deployment& deployment) {
  return std::dynamic_pointer_cast<const TextModel>(deployment.servable());
}

// Answers with what is asked for of a model's outputs.
void Answer(const Manifest& manifest, const std::vector<OutputAsk>& asked, std::vector<Tensor> outputs,
            std::span<const std::string> labels, InferAnswer answer, Done& done) {
  Result<std::vector<NamedTensor>> taken = TakeOutputs(manifest, asked, std::move(outputs), labels);
  if (!taken) return done(Forward(taken));
  answer.outputs = std::move(*taken);
  done(std::move(answer));
}

}  // namespace

InferTarget InferService::Resolve(const std::string& reference) const {
  const ModelReference named = ParseReference(reference);
  if (!named.name.ends_with(kEncoder)) return {reference, false};
  if (engine_.StateOf(std::string(named.name))) return {reference, false};  // a model that is called so
  const std::string model(named.name.substr(0, named.name.size() - kEncoder.size()));
  if (!engine_.StateOf(model)) return {reference, false};
  return {named.version ? ReferenceOf(model, *named.version) : model, true};
}

void InferService::Infer(InferRequest request, Done done) {
  const InferTarget target = Resolve(request.model);
  const Deadline deadline = DeadlineWithin(engine_.LookAhead(target.reference), request.patience, request.timeout);
  request.patience.deadline = deadline;
  engine_.WhenReady(target.reference, deadline,
                    [this, request = std::move(request), target,
                     done = std::move(done)](Result<Registry::DeploymentPtr> ready) mutable {
                      if (!ready) return done(Forward(ready));
                      request.model = target.reference;
                      Run(*ready, std::move(request), target.is_graph, std::move(done));
                    });
}

void InferService::Run(const Registry::DeploymentPtr& deployment, InferRequest request, bool is_graph, Done done) {
  const std::shared_ptr<const Servable>& servable = deployment->servable();
  std::string version = VersionOf(*deployment);
  std::shared_ptr<const TextModel> text;
  if (servable->task() != "tensor") text = TextModelOf(*deployment);
  if (is_graph && !text) {
    return done(Fail(Code::kNotFound, fmt::format("model '{}' is no text model, so there is no encoder of it by itself",
                                                  request.model)));
  }
  if (text && !is_graph && MeansTexts(*text, request.inputs)) {
    return RunTexts(text, std::move(version), std::move(request), std::move(done));
  }
  if (Status known = CheckOutputs(servable->manifest(), request.outputs); !known) return done(Forward(known));
  Result<std::vector<Tensor>> inputs = ArrangeInputs(servable->manifest(), std::move(request.inputs));
  if (!inputs) return done(Forward(inputs));
  JobRequest job{.inputs = std::move(*inputs),
                 .deadline = request.patience.deadline,
                 .stop = std::move(request.stop),
                 .priority = request.priority,
                 .client = request.client};
  deployment->Offer(std::move(job), [servable, text, version = std::move(version), asked = std::move(request.outputs),
                                     done = std::move(done)](Result<Output> output) mutable {
    if (!output) return done(Forward(output));
    std::span<const std::string> labels;
    if (text) labels = text->labels();
    Answer(servable->manifest(), asked, std::move(output->tensors), labels,
           {.version = std::move(version), .outputs = {}, .times = output->times}, done);
  });
}

void InferService::RunTexts(const std::shared_ptr<const TextModel>& model, std::string version, InferRequest request,
                            Done done) {
  Manifest manifest = TextInterface(*model);
  if (Status known = CheckOutputs(manifest, request.outputs); !known) return done(Forward(known));
  const auto given = std::ranges::find(request.inputs, manifest.inputs[0].name, &NamedTensor::name);
  Shape shape = given == request.inputs.end() ? Shape() : given->tensor.shape();
  Result<TextRequest> texts = TextsOf(*model, std::move(request.inputs));
  if (!texts) return done(Forward(texts));
  texts->model = std::move(request.model);
  texts->priority = request.priority;
  texts->client = request.client;
  texts->deadline = request.patience.deadline;
  texts->stop = std::move(request.stop);
  auto finish = [model, manifest = std::move(manifest), shape = std::move(shape), version = std::move(version),
                 asked = std::move(request.outputs), done = std::move(done)](auto answered) mutable {
    if (!answered) return done(Forward(answered));
    std::vector<Tensor> outputs;
    if constexpr (std::is_same_v<decltype(answered), Result<Embeddings>>) {
      outputs = TensorsOf(*answered, shape);
    } else {
      outputs = TensorsOf(*model, *answered, shape);
    }
    Answer(manifest, asked, std::move(outputs), model->labels(),
           {.version = std::move(version), .outputs = {}, .times = answered->times}, done);
  };
  if (model->text_task() == TextTask::kEmbedding) return texts_.Embed(std::move(*texts), std::move(finish));
  texts_.Classify(std::move(*texts), std::move(finish));
}

void InferService::Describe(const std::string& reference, Deadline deadline,
                            std::move_only_function<void(Result<ModelDescription>)> done) {
  const InferTarget target = Resolve(reference);
  engine_.WhenReady(target.reference, deadline,
                    [this, target, done = std::move(done)](Result<Registry::DeploymentPtr> ready) mutable {
                      if (!ready) return done(Forward(ready));
                      const std::shared_ptr<const TextModel> text = TextModelOf(**ready);
                      done(ModelDescription{.versions = VersionsOf(target.reference),
                                            .manifest = text && !target.is_graph ? TextInterface(*text)
                                                                                 : (*ready)->servable()->manifest(),
                                            .workers = (*ready)->status().workers});
                    });
}

// The one that is named, or all that can be asked for.
std::vector<std::string> InferService::VersionsOf(const std::string& reference) const {
  const ModelReference named = ParseReference(reference);
  if (named.version) return {VersionText(*named.version)};
  const Result<ModelStatus> model = engine_.StateOf(reference);
  std::vector<std::string> versions;
  if (!model) return versions;
  for (const VersionStatus& version : model->versions) {
    if (version.offered) versions.insert(versions.begin(), VersionText(version.version));
  }
  return versions;
}

Status InferService::Ready(const std::string& reference) const {
  const Result<ModelStatus> model = engine_.StateOf(Resolve(reference).reference);
  if (!model) return std::unexpected(model.error());
  if (model->state == ModelState::kReady) return {};
  std::string why = fmt::format("model '{}' is {}", reference, ModelStateName(model->state));
  if (!model->reason.empty()) why += ": " + model->reason;
  return Fail(Code::kUnavailable, std::move(why));
}

Result<std::vector<ModelStatus>> InferService::Statistics(const std::string& reference) const {
  std::vector<ModelStatus> statuses;
  const auto add_versions = [&](const ModelStatus& model) {
    for (const VersionStatus& version : model.versions) {
      Result<ModelStatus> one = engine_.StateOf(ReferenceOf(model.name, version.version));
      if (one) statuses.push_back(std::move(*one));
    }
  };
  if (reference.empty()) {
    for (const ModelStatus& model : engine_.States()) add_versions(model);
    return statuses;
  }
  const std::string target = Resolve(reference).reference;
  Result<ModelStatus> model = engine_.StateOf(target);
  if (!model) return std::unexpected(model.error());
  if (ParseReference(target).version) {
    statuses.push_back(std::move(*model));
  } else {
    add_versions(*model);
  }
  return statuses;
}

}  // namespace weir
