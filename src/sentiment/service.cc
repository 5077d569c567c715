#include "sentiment/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <utility>

#include "base/ids.h"

namespace weir::sentiment {
namespace {

bool BeginsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

// The beginning of a text.
std::string_view FirstCharacters(std::string_view text, std::size_t count) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (BeginsCharacter(text[i]) && seen++ == count) return text.substr(0, i);
  }
  return text;
}

std::string_view FirstCharacter(std::string_view text) { return FirstCharacters(text, 1); }

std::string_view LastCharacter(std::string_view text) {
  std::size_t begin = text.size() - 1;
  while (begin > 0 && !BeginsCharacter(text[begin])) --begin;
  return text.substr(begin);
}

}  // namespace

std::string_view Strip(std::string_view text) {
  while (!text.empty() && IsBlank(FirstCharacter(text))) text.remove_prefix(FirstCharacter(text).size());
  while (!text.empty() && IsBlank(LastCharacter(text))) text.remove_suffix(LastCharacter(text).size());
  return text;
}

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, BeginsCharacter));
}

void Service::Predict(Question question, std::move_only_function<void(Result<Prediction>)> done) const {
  const TimePoint begun = clock_.Now();
  std::string_view text = Strip(question.text);
  if (text.empty()) return done(InvalidArgument("the text is empty, or nothing but white space", "text"));
  const std::size_t length = CountCharacters(text);
  if (length > most_characters_ && question.long_text == LongText::kRefuse) {
    return done(Fail(Code::kTooLarge,
                     fmt::format("the text has {} characters, at most {} are taken", length, most_characters_),
                     "text"));
  }
  if (length > most_characters_) text = FirstCharacters(text, most_characters_);
  TextRequest request{.model = question.model, .texts = {std::string(text)}};
  request.truncate = true;
  request.priority = question.priority;
  request.client = question.client;
  request.deadline = question.deadline;
  request.stop = std::move(question.stop);
  texts_.Classify(std::move(request), [this, begun, length, model = std::move(question.model),
                                       done = std::move(done)](Result<Classifications> answer) mutable {
    if (!answer) return done(Forward(answer));
    const ScoredLabel& best = answer->labels[0].front();
    done(Prediction{.id = NewUuid(),
                    .model = std::move(model),
                    .label = best.label,
                    .score = best.score,
                    .text_length = length,
                    .cached = answer->cached[0],
                    .time = clock_.Now() - begun,
                    .times = answer->times});
  });
}

Result<Prediction> Service::PredictAndWait(Question question) const {
  std::promise<Result<Prediction>> promise;
  Predict(std::move(question), [&promise](Result<Prediction> answer) { promise.set_value(std::move(answer)); });
  return promise.get_future().get();
}

}  // namespace weir::sentiment
