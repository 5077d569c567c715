// How a command says that it failed.
#pragma once

#include "base/result.h"

namespace weir::cli {

// Prints "weir: message" to stderr and ends the command: code 2 for wrong use or settings, 1 for the rest.
[[noreturn]] void Quit(const Error& error);

template <typename T>
void QuitUnless(const Result<T>& result) {
  if (!result) Quit(result.error());
}

}  // namespace weir::cli
