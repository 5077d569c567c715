// What the hub says that a repository holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::hub {

// One revision of a repository. Value type.
struct Listing {
  std::string commit;              // 40 hexadecimal digits
  std::vector<std::string> files;  // relative paths, checked to stay inside
};

// Reads the answer of /api/models/REPOSITORY/revision/REVISION. kUnavailable when it is something else, or names a
// file that would leave the folder.
Result<Listing> ParseListing(std::string_view json);

}  // namespace weir::hub
