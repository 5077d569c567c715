// Files that are part of the program itself: cmake/embed.cmake puts them in.
#pragma once

#include <string_view>

namespace weir {

struct EmbeddedFile {
  std::string_view name;  // without its folder
  std::string_view bytes;
};

}  // namespace weir
