// Bodies of the sentiment service, and texts that are stripped, counted and cut.
#include <cstdint>
#include <string_view>

#include "codec/sentiment_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto text = weir::codec::ParseSentiment(body);
  if (text) {
    const std::size_t length = weir::sentiment::CountCharacters(weir::sentiment::Strip(*text));
    if (length == 0 || length > weir::sentiment::kMostCharacters) __builtin_trap();
  } else if (text.error().message.empty() || weir::codec::SentimentError(text.error(), "id").empty()) {
    __builtin_trap();
  }
  const std::string_view stripped = weir::sentiment::Strip(body);
  if (weir::sentiment::Strip(stripped) != stripped || stripped.size() > body.size()) __builtin_trap();
  const auto feedback = weir::codec::ParseFeedback(body);
  if (feedback) {
    if (feedback->prediction_id.size() != 36) __builtin_trap();
    (void)weir::codec::WriteFeedback({*feedback});
  }
  return 0;
}
