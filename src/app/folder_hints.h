// What config.json tells of a folder that is not loaded.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace weir::app {

// "; it has model.safetensors: ...": the command that makes a graph of the weights of `folder`, or who can; "" when
// `files` (relative) has no model.safetensors. Goes after an error's message. Blocks while config.json is read.
std::string ConverterHint(const std::filesystem::path& folder, std::span<const std::string> files);

// Whether config.json names the architecture of a classifier. Blocks while it is read.
bool NamesClassifier(const std::filesystem::path& folder);

}  // namespace weir::app
