// Bodies of the sentiment service.
// Source: its clients' view of it; docs/sentiment.md lists what is answered.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/model_status.h"
#include "sentiment/feedback.h"
#include "sentiment/probe.h"
#include "sentiment/service.h"

namespace weir::codec {

// {"text": "…"}: of 1 to 10,000 characters without the white space around it.
Result<std::string> ParseSentiment(std::string_view body);
Result<sentiment::Feedback> ParseFeedback(std::string_view body);

std::string WriteSentiment(const sentiment::Prediction& prediction);
std::string WriteFeedbackTaken(const std::string& prediction_id);
std::string WriteFeedback(const std::vector<sentiment::Feedback>& entries);

// The status of an error and its body there: {"error_code":"E2001",…}. `id` is the request's.
int SentimentStatus(const Error& error);
std::string SentimentError(const Error& error, const std::string& id);

// What is known of the service at one moment. Value type.
struct SentimentState {
  std::optional<ModelStatus> model;  // that it asks; none: there is none, or several
  Status ready;
  std::string reason;  // why the model cannot be asked; empty when it can
  bool keeps_feedback = false;
  std::uint64_t cache_bytes = 0;  // that may be kept
  sentiment::Counts counts;
};
std::string WriteSentimentRoot(const std::string& prefix);
std::string WriteSentimentHealth(const SentimentState& state);
std::string WriteSentimentHealthDetails(const SentimentState& state);
std::string WriteSentimentModel(const SentimentState& state);
std::string WriteSentimentMetrics(const SentimentState& state);

}  // namespace weir::codec
