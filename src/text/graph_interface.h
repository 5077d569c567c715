// What a text model's graph takes and gives, found by looking at it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "text/text_folder.h"

namespace weir {

// What an input of the graph is filled with.
enum class InputRole { kIds, kMask, kTypes, kPositions };

// What the output that is used holds.
enum class OutputKind {
  kTokens,   // [batch, tokens, width]: a vector for each token, to be pooled
  kVectors,  // [batch, width]: finished embeddings
  kLogits,   // [batch, labels]
};

std::string_view OutputKindName(OutputKind kind);

// Value type.
struct GraphInterface {
  std::vector<InputRole> inputs;  // in the manifest's order; the types are INT64 or INT32
  std::size_t output = 0;         // its place in the manifest
  OutputKind kind = OutputKind::kTokens;
  std::string why;               // why that output
  std::size_t width = 0;         // of the last dimension; 0: the graph does not say
  std::size_t fixed_tokens = 0;  // the only length it takes; 0: any
  bool alone = false;            // it takes one text at a time
  bool masked = false;           // it knows which tokens are padding
};

// kUnprocessable with one sentence when no answer for a text can be made of this graph: it asks for other inputs, or
// answers something for each token (token classification, masked words, generation) or for a question.
Result<GraphInterface> InspectGraph(const Manifest& manifest, const TextFolder& folder);

}  // namespace weir
