// `weir doctor`: looks at everything that a server needs, before it is needed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/config.h"
#include "base/machine.h"

namespace weir::app {

enum class Health { kOk, kWarn, kFail };
std::string_view HealthName(Health health);  // "ok", "warn", "fail"

// One line of the report. Value type.
struct Finding {
  std::string subject;  // "memory", "model minilm"
  Health health = Health::kOk;
  std::string text;    // what was found
  std::string advice;  // what to do; empty when all is well
};

// The machine's part: processor, cores, memory, open files, clock.
std::vector<Finding> ExamineMachine(const Machine& machine, const std::vector<CpuFeature>& features,
                                    const Config& config);
// ONNX Runtime: whether the library fits the program, and what it can run on.
std::vector<Finding> ExamineRuntime();
// Whether the server could listen where the settings say. Binds the port for a moment.
std::vector<Finding> ExamineAddresses(const Config& config);
// What is allowed and should be thought of twice; the certificate, and how long it is valid.
std::vector<Finding> ExamineSafety(const Config& config);
// Each folder of models and each model in it: files are there and can be read; with `deep` each is loaded and
// runs once, which may take seconds and memory.
std::vector<Finding> ExamineModels(const Config& config, bool deep);
// Where downloaded models are kept: writable, with room.
Finding ExamineCache();

}  // namespace weir::app
