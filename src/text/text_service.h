// Embeddings and classifications: texts in, vectors and labels out.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "executor/thread_pool.h"
#include "text/pooling.h"
#include "text/text_model.h"
#include "text/text_request.h"

namespace weir {

struct TextUsage {
  std::size_t tokens = 0;
};

struct Embeddings {
  std::vector<Tensor> vectors;  // FP32 [width], in the order of the texts
  // Texts without an answer, by index (OnError::kPartial alone); their vectors are empty.
  std::map<std::size_t, Error> errors = {};
  std::vector<bool> cached = {};  // whether each was given before, and was not computed for this request
  TextUsage usage;
  StageTimes times;  // of the text that ended last
};

struct Classifications {
  std::vector<std::vector<ScoredLabel>> labels;  // best first, in the order of the texts
  std::map<std::size_t, Error> errors = {};      // as above; their labels are empty
  std::vector<bool> cached = {};
  TextUsage usage;
  StageTimes times;
};

// Turns each text into a job of the engine (or several, for a long one): admission by the size of the text, tokenizing
// on a small pool, then the model's queue. Owned by the composition root; `engine` and `tokenizers` outlive it.
// Thread-safe, never blocks. `done` runs exactly once, on this thread or another.
class TextService {
 public:
  TextService(Engine& engine, ThreadPool& tokenizers) : engine_(engine), tokenizers_(tokenizers) {}

  // kInvalidArgument when the model does something else. The field of an error names the text: "input[3]". With
  // OnError::kPartial an error that is about one text alone stands in its place, and the others are answered.
  void Embed(TextRequest request, std::move_only_function<void(Result<Embeddings>)> done);
  void Classify(TextRequest request, std::move_only_function<void(Result<Classifications>)> done);

  // The same, blocking for the answer; for programs without an event loop.
  Result<Embeddings> EmbedAndWait(TextRequest request);
  Result<Classifications> ClassifyAndWait(TextRequest request);

 private:
  struct Gather;
  struct Piece;
  struct Tokenizing;
  static Demand DemandOf(const TextRequest& request, std::span<const Piece> pieces);
  void Start(std::shared_ptr<Gather> gather);
  void Begin(const std::shared_ptr<Gather>& gather, const Registry::DeploymentPtr& deployment);
  void Continue(std::unique_ptr<Tokenizing> work);
  void Tokenize(std::unique_ptr<Tokenizing> work);
  static void Submit(const std::shared_ptr<Gather>& gather, Deployment& deployment, std::vector<Piece> pieces,
                     Permit permit);

  Engine& engine_;
  ThreadPool& tokenizers_;
};

}  // namespace weir
