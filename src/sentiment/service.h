// What services of sentiment do with a text: one label and its score, under an id that feedback can name.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "engine/priority.h"
#include "text/text_service.h"

namespace weir::sentiment {

// Texts that a request may have at most, whatever the limit of the service.
inline constexpr std::size_t kMostCharacters = 10'000;

// A text over the service's limit is refused, or its beginning is taken.
enum class LongText { kRefuse, kCut };

// Value type.
struct Question {
  std::string model;
  std::string text;
  LongText long_text = LongText::kRefuse;
  Priority priority = Priority::kNormal;
  std::uint64_t client = 0;  // as TextRequest::client
  Deadline deadline = {};
  std::stop_token stop = {};
};

struct Prediction {
  std::string id;  // a random UUID
  std::string model;
  std::string label;  // as the model's id2label has it
  float score = 0;
  std::size_t text_length = 0;  // characters, without white space around them
  bool cached = false;          // the answer was kept, and not computed for this question
  Duration time{};              // from the question to the answer
  StageTimes times;
};

// The text without the white space around it, as Unicode has that.
std::string_view Strip(std::string_view text);
// Code points of a text in UTF-8.
std::size_t CountCharacters(std::string_view text);

// Owned by whoever asks; `texts` and `clock` outlive it. Thread-safe, never blocks. `done` runs exactly once, on this
// thread or another.
class Service {
 public:
  // `most_characters`: of a text that is answered. Over that many tokens it is cut.
  Service(TextService& texts, const Clock& clock, std::size_t most_characters)
      : texts_(texts), clock_(clock), most_characters_(most_characters) {}

  // kInvalidArgument, with the field "text", for a blank text; kTooLarge for one over the limit.
  void Predict(Question question, std::move_only_function<void(Result<Prediction>)> done) const;
  // The same, blocking for the answer; for programs without an event loop.
  Result<Prediction> PredictAndWait(Question question) const;

 private:
  TextService& texts_;
  const Clock& clock_;
  const std::size_t most_characters_;
};

}  // namespace weir::sentiment
