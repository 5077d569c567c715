// From the texts of a request to jobs of the engine.
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/job.h"
#include "text/text_model.h"
#include "text/text_request.h"

namespace weir {

// The tokens of one text as jobs: one, or one for each window.
struct TextJobs {
  std::vector<JobRequest> jobs;
  std::size_t tokens = 0;
};

// How the texts of one request are encoded for a model: prompt, limits, windows. Made of a request that outlives it;
// immutable, so texts may be encoded on several threads at once.
class TextPlan {
 public:
  // kInvalidArgument, with the field, when the request asks for something that this model does not have. Encodes the
  // prompt, no text.
  static Result<TextPlan> Make(std::shared_ptr<const TextModel> model, const TextRequest& request);

  // Blocks for the tokenizer. kUnprocessable when the text is too long or has no tokens.
  Result<TextJobs> Encode(std::size_t index, const std::stop_token& stop) const;

  const TextModel& model() const { return *model_; }
  // Bytes that will be tokenized, and a guess at the tokens that will be run; cheap.
  std::size_t Bytes(std::size_t index) const;
  std::uint64_t EstimatedTokens(std::size_t index) const;

 private:
  TextPlan(std::shared_ptr<const TextModel> model, const TextRequest& request)
      : model_(std::move(model)), request_(&request) {}
  Status FindPrompt();
  Status CheckWindows() const;
  Status CountPromptTokens();

  std::shared_ptr<const TextModel> model_;
  const TextRequest* request_;
  EncodeOptions options_;
  std::string prompt_;
  std::size_t prompt_tokens_ = 0;  // that are not pooled
};

}  // namespace weir
