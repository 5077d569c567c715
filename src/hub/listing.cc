#include "hub/listing.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "hub/names.h"

namespace weir::hub {
namespace {

constexpr std::size_t kMostFiles = 100'000;

std::unexpected<Error> Strange(std::string_view what) {
  return Fail(Code::kUnavailable, fmt::format("the answer is no list of a repository's files: {}", what));
}

}  // namespace

Result<Listing> ParseListing(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
    return Strange(simdjson::error_message(error));
  }
  Listing listing;
  std::string_view text;
  if (root["sha"].get(text) || !IsCommit(text)) return Strange("'sha' is no commit");
  listing.commit = text;
  simdjson::dom::array siblings;
  if (root["siblings"].get(siblings)) return Strange("'siblings' is no list");
  for (const simdjson::dom::element sibling : siblings) {
    if (sibling["rfilename"].get(text)) return Strange("a file has no 'rfilename'");
    if (Status inside = CheckFilePath(text); !inside) {
      return Fail(Code::kUnavailable, fmt::format("{}; nothing is taken from there", inside.error().message));
    }
    if (listing.files.size() == kMostFiles) return Strange(fmt::format("it has more than {} files", kMostFiles));
    listing.files.emplace_back(text);
  }
  return listing;
}

}  // namespace weir::hub
