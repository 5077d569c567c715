// What a process uses of the machine.
#pragma once

#include <sys/types.h>

#include "base/result.h"

namespace weir::load {

// Processor seconds of this process so far.
double OwnCpuSeconds();
// Of another process on this machine; kNotFound when there is none with this number.
Result<double> CpuSecondsOf(pid_t pid);
// Its resident memory, in bytes.
Result<double> ResidentBytesOf(pid_t pid);

}  // namespace weir::load
