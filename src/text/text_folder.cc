#include "text/text_folder.h"

namespace weir {
namespace {

void FindMaxTokens(TextFolder& folder) {
  bool said = false;
  const auto offer = [&](std::size_t tokens, const char* from) {
    if (tokens == 0 || (said && tokens >= folder.max_tokens)) return;
    said = true;
    folder.max_tokens = tokens;
    folder.max_tokens_from = from;
  };
  offer(folder.config.positions, "config.json: max_position_embeddings");
  offer(folder.modules.max_tokens, "sentence_bert_config.json: max_seq_length");
  offer(folder.tokenizer.max_tokens, "tokenizer_config.json: model_max_length");
}

}  // namespace

Result<TextFolder> ReadTextFolder(const std::filesystem::path& path) {
  TextFolder folder;
  auto config = ReadModelConfig(path / "config.json");
  if (!config) return Forward(config);
  auto tokenizer = ReadTokenizerConfig(path / "tokenizer_config.json");
  if (!tokenizer) return Forward(tokenizer);
  auto modules = ReadSentenceModules(path);
  if (!modules) return Forward(modules);
  auto prompts = ReadPrompts(path);
  if (!prompts) return Forward(prompts);
  folder.config = std::move(*config);
  folder.tokenizer = *tokenizer;
  folder.modules = std::move(*modules);
  folder.prompts = std::move(*prompts);
  FindMaxTokens(folder);
  return folder;
}

}  // namespace weir
