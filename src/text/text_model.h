// An encoder with its tokenizer, served as embeddings or as a classification.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/servable.h"
#include "model/file_cache.h"
#include "text/text_folder.h"
#include "text/tokenizer.h"

namespace weir {

enum class TextTask { kEmbedding, kClassification };

// A text model as the engine serves it. Immutable, shared.
//
// Method 0 runs the graph on its own tensors. Method kEncode takes one text's token ids (inputs: ids and
// segment ids, INT64 [tokens] each) and gives one FP32 vector: the embedding, or one probability per label.
class TextModel final : public Servable {
 public:
  static constexpr std::uint32_t kEncode = 1;

  struct Parts {
    std::string name;
    TextFolder folder;
    std::shared_ptr<const Tokenizer> tokenizer;
    std::shared_ptr<const Model> encoder;
    std::shared_ptr<const Model> head;  // null when there is none
  };

  // kUnprocessable with one sentence when the parts do not fit each other.
  static Result<std::shared_ptr<const TextModel>> Make(Parts parts);

  const Manifest& manifest() const override { return parts_.encoder->manifest(); }
  std::string_view task() const override;
  std::size_t max_batch() const override { return 32; }
  // Tensors are bounded too: attention needs memory for the square of the tokens.
  Status Check(const JobRequest& request) const override;
  JobCost CostOf(std::span<const Tensor> inputs) const override;
  std::optional<JobRequest> Sample(std::uint32_t length) const override;
  std::unique_ptr<Runner> NewRunner() const override;
  Status WarmUp() const override;

  TextTask text_task() const { return task_; }
  const Tokenizer& tokenizer() const { return *parts_.tokenizer; }
  const std::vector<std::string>& labels() const { return parts_.folder.labels; }
  std::size_t max_tokens() const { return parts_.folder.max_tokens; }
  // Floats in an embedding; 0 when the graph does not say.
  std::size_t width() const { return width_; }

  // A kEncode job for these tokens.
  JobRequest EncodeRequest(const TokenIds& tokens, Deadline deadline, std::stop_token stop) const;

 private:
  friend class TextRunner;
  explicit TextModel(Parts parts) : parts_(std::move(parts)) {}
  Status Inspect();

  // Constant after construction.
  Parts parts_;
  TextTask task_ = TextTask::kEmbedding;
  int output_ = 0;       // position of the token vectors (or logits) among the graph's outputs
  bool logits_ = false;  // the graph ends in logits itself
  std::size_t width_ = 0;
};

// Reads text models from folders; models that share a file share its weights and its tokenizer. Owned by
// the composition root. Thread-safe.
class TextModelLoader {
 public:
  explicit TextModelLoader(Backend& backend) : backend_(backend) {}

  // `folder` holds the graph (a path in it) and tokenizer.json, and may hold config.json, modules.json, 1_Pooling/ and
  // head.onnx (embedding -> logits). Blocks while files are read.
  Result<std::shared_ptr<const Servable>> Load(const std::string& name, const std::filesystem::path& folder,
                                               const std::filesystem::path& graph_file = "model.onnx");

 private:
  Backend& backend_;
  FileCache<Tokenizer> tokenizers_;
};

// A single text model folder, for programs that serve just that. Its name is the folder's. Thread-safe.
class OneTextModel final : public ServableLoader {
 public:
  OneTextModel(Backend& backend, std::filesystem::path folder) : loader_(backend), folder_(std::move(folder)) {}

  std::string name() const { return std::filesystem::weakly_canonical(folder_).filename().string(); }
  Result<std::shared_ptr<const Servable>> Load(const std::string& name) override { return loader_.Load(name, folder_); }

 private:
  TextModelLoader loader_;
  const std::filesystem::path folder_;
};

}  // namespace weir
