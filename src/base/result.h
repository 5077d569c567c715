// Errors as values: `Result<T>` and the codes that every transport maps once.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

// The closed set of outcomes. Each transport maps them with one exhaustive switch (codec/error.h for
// HTTP); nothing else in the program invents a status.
enum class Code {
  kInvalidArgument,    // the request itself is malformed; sending it again cannot help
  kUnauthenticated,    // nobody that is known: no key, or a wrong one
  kPermissionDenied,   // known, but not allowed to do this
  kUnprocessable,      // well-formed, but a value is outside what this model can take
  kNotFound,           // no such model, version or resource
  kTooLarge,           // over a size limit that was told before any work was done
  kConflict,           // legal at another time, not in the present state
  kResourceExhausted,  // a bound is reached; try again after `retry_after`
  kDeadlineExceeded,   // the caller's time is over
  kCancelled,          // the caller went away or said stop
  kUnavailable,        // loading, draining or failed: not the caller's fault
  kInternal,           // a defect of the server
};

// Stable lower-case name, used as a metric label and in error bodies ("invalid_argument").
std::string_view CodeName(Code code);

// What went wrong, in words for the person who reads them. Value type.
struct Error {
  Code code = Code::kInternal;
  std::string message;
  // Path of the offending part of the request ("input[3]", "inputs[0].shape"); empty when there is none.
  std::string field = {};
  // For kResourceExhausted and kUnavailable: when to try again. Zero means "not known".
  std::chrono::milliseconds retry_after{0};
  // For kResourceExhausted: the bound that was reached, by its setting's name ("max_jobs"), or "predicted_wait". Of
  // static duration; empty when there is none.
  std::string_view limit = {};
};

// The path of an element of a list: "inputs[3]".
inline std::string Indexed(std::string_view list, std::size_t index) {
  std::string path(list);
  path.append("[").append(std::to_string(index)).append("]");
  return path;
}

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> Fail(Code code, std::string message, std::string field = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(field)});
}
inline std::unexpected<Error> InvalidArgument(std::string message, std::string field = {}) {
  return Fail(Code::kInvalidArgument, std::move(message), std::move(field));
}

// Hands on an error from a Result of another type: `if (!r) return Forward(r);`
template <typename T>
std::unexpected<Error> Forward(Result<T>& result) {
  return std::unexpected(std::move(result.error()));
}

}  // namespace weir
