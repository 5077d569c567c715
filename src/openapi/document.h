// The description of the HTTP doors: an OpenAPI document of the routes that there are, and the page that shows it.
// Source: OpenAPI Specification 3.1.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/embedded_file.h"

namespace weir::openapi {

// The shape of a route's errors, one for each protocol.
enum class ErrorShape { kOpenAi, kInference, kSentiment, kCandles };

struct Route {
  std::string_view method;
  std::string_view pattern;
  ErrorShape errors = ErrorShape::kOpenAi;
  bool is_open = false;  // to requests without a key
};

// What of the server's settings the document tells.
struct Facts {
  bool asks_keys = false;
  std::map<std::string, std::int64_t, std::less<>> bounds = {};  // by setting: "$deadline.max" in a part is that number
};

// JSON. Of routes with the same method and pattern the first counts, as it does for requests. What is said of each
// route is in parts/*.json.
std::string MakeDocument(std::span<const Route> routes, const Facts& facts);

// The parts, and the page's own files with those of Swagger UI.
std::span<const EmbeddedFile> Files();
const EmbeddedFile* FindFile(std::string_view name);

}  // namespace weir::openapi
