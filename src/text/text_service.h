// Embeddings and classifications: texts in, vectors and labels out.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"
#include "executor/thread_pool.h"
#include "text/pooling.h"
#include "text/text_model.h"

namespace weir {

struct TextRequest {
  std::string model;
  std::vector<std::string> texts;  // at least one, none blank
  bool truncate = false;           // cut texts over the model's limit instead of refusing them
  std::size_t dimensions = 0;      // how many values of an embedding will be used; 0 = all; only checked here
  Deadline deadline;
  std::stop_token stop;
};

struct TextUsage {
  std::size_t tokens = 0;
};

struct Embeddings {
  std::vector<Tensor> vectors;  // FP32 [width], in the order of the texts
  TextUsage usage;
  StageTimes times;  // of the text that ended last
};

struct Classifications {
  std::vector<std::vector<ScoredLabel>> labels;  // best first, in the order of the texts
  TextUsage usage;
  StageTimes times;
};

// Turns each text into a job of the engine: admission by the size of the text, tokenizing on a small pool,
// then the model's queue. Owned by the composition root; `engine` and `tokenizers` outlive it. Thread-safe,
// never blocks. `done` runs exactly once, on this thread or another.
class TextService {
 public:
  TextService(Engine& engine, ThreadPool& tokenizers) : engine_(engine), tokenizers_(tokenizers) {}

  // kInvalidArgument when the model does something else. The field of an error names the text: "input[3]".
  void Embed(TextRequest request, std::move_only_function<void(Result<Embeddings>)> done);
  // `top_k` 0 means all labels.
  void Classify(TextRequest request, std::size_t top_k, std::move_only_function<void(Result<Classifications>)> done);

  // The same, blocking for the answer; for programs without an event loop.
  Result<Embeddings> EmbedAndWait(TextRequest request);
  Result<Classifications> ClassifyAndWait(TextRequest request, std::size_t top_k);

 private:
  struct Gather;
  void Start(std::shared_ptr<Gather> gather);
  static void Tokenize(const std::shared_ptr<Gather>& gather, Deployment& deployment, Permit permit);

  Engine& engine_;
  ThreadPool& tokenizers_;
};

}  // namespace weir
