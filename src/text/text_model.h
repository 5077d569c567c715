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
#include "text/graph_interface.h"
#include "text/text_folder.h"
#include "text/tokenizer.h"

namespace weir {

enum class TextTask { kEmbedding, kClassification };

// A text model as the engine serves it. Immutable, shared.
//
// Method 0 runs the graph on its own tensors. Method kEncode takes one text's token ids (inputs: ids and segment ids,
// INT64 [tokens] each, and perhaps how many of the first ones are a prompt's, INT64 [1]) and gives one FP32 vector: the
// pooled vector before a Normalize at the end, or the logits (text/text_answer.h makes answers of them).
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
  std::size_t max_batch() const override { return graph_.alone ? 1 : 32; }
  // Tensors are bounded too: attention needs memory for the square of the tokens.
  Status Check(const JobRequest& request) const override;
  JobCost CostOf(std::span<const Tensor> inputs) const override;
  std::optional<JobRequest> Sample(std::uint32_t length) const override;
  std::unique_ptr<Runner> NewRunner() const override;
  // One text alone, then two of different lengths together.
  Status WarmUp() const override;

  TextTask text_task() const { return task_; }
  const Tokenizer& tokenizer() const { return *parts_.tokenizer; }
  const TextFolder& folder() const { return parts_.folder; }
  const GraphInterface& graph() const { return graph_; }
  bool has_head() const { return parts_.head != nullptr; }
  const std::vector<std::string>& labels() const { return parts_.folder.config.labels; }
  // Of the logits; of kEmbedding always kNone.
  const ActivationChoice& activation() const { return activation_; }
  std::size_t max_tokens() const { return parts_.folder.max_tokens; }
  // Floats in an embedding; 0 when the graph does not say.
  std::size_t width() const { return width_; }

  // A kEncode job for these tokens, of which the first `prompt` are not pooled.
  JobRequest EncodeRequest(const TokenIds& tokens, std::size_t prompt, Deadline deadline, std::stop_token stop) const;

 private:
  friend class TextRunner;
  explicit TextModel(Parts parts) : parts_(std::move(parts)) {}
  Status Inspect();
  Status InspectTokenizer() const;
  Status InspectClasses();
  Status FindWidth();
  Status Prove(std::span<const std::string_view> texts) const;

  // Constant after construction.
  Parts parts_;
  GraphInterface graph_;
  TextTask task_ = TextTask::kEmbedding;
  ActivationChoice activation_;
  std::size_t width_ = 0;
};

// Reads text models from folders; models that share a file share its weights and its tokenizer. Owned by
// the composition root. Thread-safe.
class TextModelLoader {
 public:
  explicit TextModelLoader(Backend& backend) : backend_(backend) {}

  // `folder` holds the graph (a path in it) and tokenizer.json, and may hold the JSON files that
  // docs/text-models.md lists and head.onnx (embedding -> logits). Blocks while files are read.
  Result<std::shared_ptr<const TextModel>> LoadText(const std::string& name, const std::filesystem::path& folder,
                                                    const std::filesystem::path& graph_file = "model.onnx",
                                                    const std::string& device = kCpu);
  Result<std::shared_ptr<const Servable>> Load(const std::string& name, const std::filesystem::path& folder,
                                               const std::filesystem::path& graph_file = "model.onnx",
                                               const std::string& device = kCpu);

 private:
  Backend& backend_;
  FileCache<Tokenizer> tokenizers_;
  FileCache<Tokenizer> lowercasing_;  // those of folders that ask for lower case
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
