#include "text/text_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/nearest.h"

namespace weir {
namespace {

// Tokens are not counted before admission; English has about four bytes a token, and two are special.
constexpr std::size_t kBytesPerToken = 4;
constexpr std::size_t kSpecialTokens = 2;

std::unexpected<Error> Refuse(std::string message, std::string field) {
  return InvalidArgument(std::move(message), std::move(field));
}

}  // namespace

Result<TextPlan> TextPlan::Make(std::shared_ptr<const TextModel> model, const TextRequest& request) {
  TextPlan plan(std::move(model), request);
  const TextModel& served = *plan.model_;
  if (request.dimensions > served.width() && served.width() > 0) {
    return Refuse(fmt::format("'dimensions' is {}, the model's vectors have {}", request.dimensions, served.width()),
                  "dimensions");
  }
  if (request.truncate && request.overlap) {
    return Refuse("'truncate' cuts a long text and 'overlap' splits it: choose one of them", "overlap");
  }
  plan.options_ = {.max_tokens = served.max_tokens(),
                   .truncate = request.truncate,
                   .side = request.truncation_side.value_or(served.folder().tokenizer.truncation_side),
                   .overlap = request.overlap};
  Status status = plan.CheckWindows();
  if (status) status = plan.FindPrompt();
  if (status) status = plan.CountPromptTokens();
  if (!status) return Forward(status);
  return plan;
}

Status TextPlan::CheckWindows() const {
  if (!request_->overlap) return {};
  const std::size_t room = model_->max_tokens() - model_->tokenizer().special_tokens();
  if (*request_->overlap >= room) {
    return Refuse(fmt::format("'overlap' is {}, but a window holds {} tokens of the text: it must be less",
                              *request_->overlap, room),
                  "overlap");
  }
  for (std::size_t i = 0; i < request_->pairs.size(); ++i) {
    if (!request_->pairs[i]) continue;
    return Refuse(fmt::format("'overlap' is for single texts; '{}' is a pair", request_->FieldOf(i)), "overlap");
  }
  return {};
}

Status TextPlan::FindPrompt() {
  const Prompts& prompts = model_->folder().prompts;
  if (request_->prompt && request_->prompt_name) {
    return Refuse("'prompt' and 'prompt_name' exclude each other", "prompt");
  }
  const bool any_tokens = std::ranges::any_of(request_->tokens, [](const auto& tokens) { return !tokens.empty(); });
  if (any_tokens && (request_->prompt || request_->prompt_name)) {
    return Refuse("a prompt is put before texts; 'input' has tokens", request_->prompt ? "prompt" : "prompt_name");
  }
  if (request_->prompt) {
    if (request_->prompt->size() > kMaxPromptBytes) {
      return Refuse(fmt::format("'prompt' has {} bytes, the limit is {}", request_->prompt->size(), kMaxPromptBytes),
                    "prompt");
    }
    prompt_ = *request_->prompt;
    return {};
  }
  const std::string& name = request_->prompt_name ? *request_->prompt_name : prompts.default_name;
  if (name.empty()) return {};
  const auto found = prompts.by_name.find(name);
  if (found != prompts.by_name.end()) {
    prompt_ = found->second;
    return {};
  }
  std::vector<std::string> names;
  for (const auto& [known, text] : prompts.by_name) names.push_back(known);
  return Refuse(
      fmt::format("the model has no prompt '{}'{}{}", name, DidYouMean(name, names),
                  names.empty() ? "; it has none at all" : fmt::format("; it has {}", fmt::join(names, ", "))),
      "prompt_name");
}

// As sentence-transformers counts them: those of the prompt alone, without a special token at the end.
Status TextPlan::CountPromptTokens() {
  if (prompt_.empty() || model_->folder().modules.include_prompt) return {};
  Result<TokenIds> tokens = model_->tokenizer().Encode(prompt_);
  if (!tokens) return Forward(tokens);
  prompt_tokens_ = tokens->ids.size();
  if (prompt_tokens_ > 0 && model_->tokenizer().IsSpecial(tokens->ids.back())) --prompt_tokens_;
  return {};
}

std::size_t TextPlan::Bytes(std::size_t index) const {
  if (request_->IsTokens(index)) return request_->tokens[index].size() * kBytesPerToken;
  const bool paired = index < request_->pairs.size() && request_->pairs[index];
  return prompt_.size() + request_->texts[index].size() + (paired ? request_->pairs[index]->size() : 0);
}

std::uint64_t TextPlan::EstimatedTokens(std::size_t index) const {
  const std::uint64_t tokens = Bytes(index) / kBytesPerToken + kSpecialTokens;
  return request_->overlap ? tokens : std::min<std::uint64_t>(tokens, model_->max_tokens());
}

Result<TextJobs> TextPlan::Encode(std::size_t index, const std::stop_token& stop) const {
  const std::string prompted = prompt_.empty() ? std::string() : prompt_ + request_->texts[index];
  const bool is_tokens = request_->IsTokens(index);
  TextView view{.text = prompt_.empty() ? request_->texts[index] : prompted};
  if (is_tokens) view.ids = request_->tokens[index];
  if (index < request_->pairs.size() && request_->pairs[index]) view.pair = *request_->pairs[index];
  std::vector<TokenIds> windows;
  if (options_.overlap) {
    Result<std::vector<TokenIds>> split = model_->tokenizer().EncodeWindows(view, options_);
    if (!split) return Forward(split);
    windows = std::move(*split);
  } else {
    Result<TokenIds> whole = model_->tokenizer().Encode(view, options_);
    if (!whole) return Forward(whole);
    windows.push_back(std::move(*whole));
  }
  TextJobs made;
  for (const TokenIds& window : windows) {
    if (window.ids.empty()) return Fail(Code::kUnprocessable, "the text has no tokens");
    made.tokens += window.ids.size();
    // The prompt stands in the first window alone.
    const std::size_t prompt = made.jobs.empty() && !is_tokens ? std::min(prompt_tokens_, window.ids.size()) : 0;
    made.jobs.push_back(model_->EncodeRequest(window, prompt, request_->deadline, stop));
  }
  return made;
}

}  // namespace weir
