// Takes the place of src/base/thread_name.h: these threads are not the system's.
#pragma once

#include <string>

namespace weir {

inline void SetThreadName(const std::string&) {}
inline void SetThreadNice(int) {}

}  // namespace weir
