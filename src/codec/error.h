// The one mapping from error codes to what each HTTP dialect shows.
#pragma once

#include <string>

#include "base/result.h"

namespace weir::codec {

// 400, 404, 429, …
int HttpStatus(Code code);

// {"error":{"message":…,"type":…,"param":…,"code":…}}, as OpenAI's clients read it. Weir's own routes
// answer in this shape too. A refusal says more: "limit", the bound that was reached, and "retry_after_ms".
std::string OpenAiError(const Error& error);

// {"error":"…"}, as the Open Inference Protocol has it; with "limit" and "retry_after_ms" as above.
std::string OipError(const Error& error);

}  // namespace weir::codec
