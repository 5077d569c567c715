// What is asked of a text model, whatever door it came through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/priority.h"
#include "text/tokenizer.h"

namespace weir {

// How the answers to the windows of a long text become one.
enum class WindowPool { kMean, kMax };

// What one bad text does to the others: the request fails, or the others are answered.
enum class OnError { kFail, kPartial };

// Most texts in one request.
inline constexpr std::size_t kMaxTexts = 1024;

// Most bytes of a prompt: it is put before each text.
inline constexpr std::size_t kMaxPromptBytes = 2000;

// A request for embeddings or classifications. Value type; what is left as it is has no effect.
struct TextRequest {
  std::string model;
  std::vector<std::string> texts;  // at least one, none blank
  // The second text of a pair that the model compares: empty, or an entry for each text.
  std::vector<std::optional<std::string>> pairs = {};
  // Tokens of the model's own that stand for a text: empty, or an entry for each text, which is empty where there is a
  // text.
  std::vector<std::vector<std::uint32_t>> tokens = {};
  // Why a door could not read a text (whose place in `texts` is empty), by index.
  std::map<std::size_t, Error> unreadable = {};
  OnError on_error = OnError::kFail;

  // A text over the model's limit is refused, unless it may be cut or split.
  bool truncate = false;
  std::optional<Side> truncation_side = {};  // the tokenizer's own when not set
  std::optional<std::size_t> overlap = {};   // split into windows that share so many tokens with their neighbour
  WindowPool window_pool = WindowPool::kMean;

  // Put before each text: one of the model's by name, or any; "" for none. The model's default when neither is set.
  std::optional<std::string> prompt_name = {};
  std::optional<std::string> prompt = {};

  // Embeddings.
  std::size_t dimensions = 0;          // keep so many values; 0 = all
  std::optional<bool> normalize = {};  // scale to length 1; as the model does when not set

  // Classifications.
  std::size_t top_k = 0;    // labels in the answer; 0 = all
  bool raw_scores = false;  // logits instead of probabilities

  std::optional<Priority> priority = {};  // kNormal when not set
  std::uint64_t client = 0;               // as JobRequest::client
  Deadline deadline = {};
  std::stop_token stop = {};

  // Whether tokens stand for this text.
  bool IsTokens(std::size_t index) const { return index < tokens.size() && !tokens[index].empty(); }
  // "input[3]", or "input" when there is one text.
  std::string FieldOf(std::size_t index) const;
};

// Nothing but white space (as Unicode has it, which is what Python's str.strip takes away).
bool IsBlank(std::string_view text);

}  // namespace weir
