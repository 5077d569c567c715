// What is told about the life of a model, on Weir's own routes and those of the protocols it speaks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/registry.h"

namespace weir::codec {

// {"name":…,"state":"ready","task":…,"loading":…,"jobs":{…},"loads":{…},…}: everything that is known.
std::string WriteModelStatus(const ModelStatus& model);

// That again, or what WriteCancelled wrote, as lines for a person. kInvalidArgument when it is neither.
Result<std::string> DescribeModelStatus(std::string_view body);
// What an error's body says; `status` when it is no such body.
std::string ReadErrorMessage(std::string_view body, long status);

// {"workers":…,"max_jobs":…,"max_waiting":…,"max_bytes":…,"deadline_ms":…,"load_tries":…,"load_pause_ms":…,"load_timeout_ms":…,
// "fallback":…}, any of them; an error names the permitted range.
Result<ModelChanges> ParseModelSettings(std::string_view body, Duration longest_deadline);

// {"name":…,"cancelled":true}
std::string WriteCancelled(const std::string& name, bool cancelled);

// The Open Inference Protocol's list: [{"name":…,"version":"1","state":"READY","reason":""},…], each version. `ready`
// leaves out what is not.
std::string WriteRepositoryIndex(const std::vector<ModelStatus>& models, bool ready);

// {"ready":true} out of its request's body, which may be empty.
Result<bool> ParseRepositoryIndex(std::string_view body);

// The body of a load or unload there: empty, or parameters that change nothing. Settings for the one load are refused.
Status CheckRepositoryCall(std::string_view body);

// What GET /model/status and POST /model/reload of the load-once service answer; `model` null: none is named.
std::string WriteLegacyStatus(const ModelStatus* model);
std::string WriteLegacyReload(const ModelStatus& model);
std::string WriteLegacyReloadError(const std::string& message);

}  // namespace weir::codec
