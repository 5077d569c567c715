// The Open Inference Protocol's view of the models: each has inputs and outputs with names.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "infer/infer_request.h"
#include "text/text_service.h"

namespace weir {

// What stands behind a model's name here.
struct InferTarget {
  std::string reference;  // of the engine
  bool is_graph = false;  // the graph of a text model by itself
};

// A tensor model is asked with its graph's tensors. A text model is asked with `text` (BYTES) and answers with vectors
// or labels; under the name "minilm.encoder" it is the bare graph, which also answers under its own name when a request
// names the graph's inputs.
//
// Owned by the composition root; `engine` and `texts` outlive it. Thread-safe, never blocks; `done` runs exactly once,
// on this thread or another.
class InferService {
 public:
  InferService(Engine& engine, TextService& texts) : engine_(engine), texts_(texts) {}

  // An error names the field of the request as the protocol has it: "inputs[0].shape".
  void Infer(InferRequest request, std::move_only_function<void(Result<InferAnswer>)> done);

  // Waits for the model while it loads.
  void Describe(const std::string& reference, Deadline deadline,
                std::move_only_function<void(Result<ModelDescription>)> done);

  // At once: kUnavailable with the reason when it cannot be asked, kNotFound when there is none.
  Status Ready(const std::string& reference) const;

  // Of one version, of all versions of a model, or (empty) of all models.
  Result<std::vector<ModelStatus>> Statistics(const std::string& reference) const;

  InferTarget Resolve(const std::string& reference) const;

 private:
  void Run(const Registry::DeploymentPtr& deployment, InferRequest request, bool is_graph,
           std::move_only_function<void(Result<InferAnswer>)> done);
  void RunTexts(const std::shared_ptr<const TextModel>& model, std::string version, InferRequest request,
                std::move_only_function<void(Result<InferAnswer>)> done);
  std::vector<std::string> VersionsOf(const std::string& reference) const;

  Engine& engine_;
  TextService& texts_;
};

}  // namespace weir
