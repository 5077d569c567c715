// What people say of predictions, kept on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::sentiment {

// Value type.
struct Feedback {
  std::string prediction_id;  // a UUID
  std::optional<std::string> text = {};
  std::string corrected_label;  // POSITIVE, NEGATIVE or NEUTRAL
  std::optional<double> score = {};
  std::optional<std::string> user_id = {};
  std::optional<std::string> comments = {};
  std::string received_at = {};  // set by the store: "2026-01-31T12:00:00.123Z"
};

// One file. Thread-safe; both functions block on the disk.
class FeedbackStore {
 public:
  // Made when it is not there, with its folder. The oldest entries leave when there are more than `most`. kUnavailable,
  // with the path, when it cannot be opened.
  static Result<std::unique_ptr<FeedbackStore>> Open(const std::filesystem::path& file, std::size_t most);
  virtual ~FeedbackStore() = default;

  // On the disk when this returns.
  virtual Status Add(const Feedback& feedback) = 0;
  // The newest first; all, or those of one prediction.
  virtual Result<std::vector<Feedback>> Find(const std::optional<std::string>& prediction_id, std::size_t most) = 0;
};

}  // namespace weir::sentiment
