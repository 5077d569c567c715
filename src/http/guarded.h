// What keeps a failing handler from ending its thread.
#pragma once

#include <exception>

#include "base/log.h"

namespace weir::http {

// Runs `action` of one connection: a failure costs that connection, not the others of its thread.
void Guarded(const auto& action) {
  try {
    action();
  } catch (const std::exception& e) {
    log::Error("an HTTP handler failed: {}", e.what());
  }
}

}  // namespace weir::http
