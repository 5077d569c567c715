// Rows of comma-separated values.
#pragma once

#include <memory>

#include "dataset/splitter.h"

namespace weir::dataset {

std::unique_ptr<Splitter> MakeCsvSplitter(const SplitOptions& options);

// A field with quotes around it, for writing.
std::string CsvQuoted(std::string_view text);

}  // namespace weir::dataset
