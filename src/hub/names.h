// Names that people and the hub give: references, repositories, revisions, files. All checks are pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::hub {

// A model on the hub. Value type.
struct Reference {
  std::string repository;         // "ORG/NAME", or "NAME" for the oldest ones
  std::string revision = "main";  // a branch, a tag or a commit

  // The last part of the repository: what a model is called here unless it is given another name.
  std::string ShortName() const;
};

// "hf:ORG/NAME", "hf:ORG/NAME@REVISION"; the prefix may be left out. InvalidArgument says what is wrong with it.
Result<Reference> ParseReference(std::string_view text);
// Whether `text` starts with "hf:".
bool IsReference(std::string_view text);

// Whether it is a full commit id: 40 hexadecimal digits, lower case.
bool IsCommit(std::string_view text);

// InvalidArgument unless `path`, as a server gives it, stays inside the folder that it is put into: relative, with
// '/', without "..", ".", empty parts, backslashes or control characters.
Status CheckFilePath(std::string_view path);

// kUnavailable unless `etag` can be the name of a file in the cache: letters, digits, '.', '_', '-'.
Status CheckEtag(std::string_view etag);
// The ETag header's value without its weakness mark and quotes.
std::string NormalizeEtag(std::string_view header);

// Percent-encoding for one part of a URL's path; '/' is kept when `keep_slashes`.
std::string UrlEncode(std::string_view text, bool keep_slashes);

}  // namespace weir::hub
