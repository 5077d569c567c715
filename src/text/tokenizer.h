// Texts to token ids, by the Hugging Face tokenizers library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

// Where a text that is too long is cut.
enum class Side { kLeft, kRight };

struct EncodeOptions {
  std::size_t max_tokens = 0;  // special tokens included; 0 = no limit
  bool truncate = false;       // cut what is over the limit; otherwise it is an error
  Side side = Side::kRight;
  // Split instead of cut: windows of `max_tokens`, each with its special tokens, that share so many tokens with their
  // neighbour. Less than max_tokens - special_tokens().
  std::optional<std::size_t> overlap;
};

// One text as the caller gave it, or a pair of texts that the model compares.
struct TextView {
  std::string_view text;
  std::optional<std::string_view> pair = {};  // never together with `overlap`
  // Instead of a text its tokens, which are given their special tokens unless they begin or end with one.
  std::span<const std::uint32_t> ids = {};
};

// Ids of one text (or of one window of it), special tokens included.
struct TokenIds {
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> type_ids;  // segment of each token
};

// What a tokenizer is, for people. Value type.
struct TokenizerFacts {
  std::string kind;  // "WordPiece"
  std::vector<std::string> special_tokens;
};

// What a `tokenizer.json` describes. Immutable and thread-safe. Padding and truncation that the file asks
// for are ignored: both are decided per request.
class Tokenizer {
 public:
  // Blocks while the file is read. With `lowercase` texts are put into lower case before all else. The error names the
  // file and what is wrong with it.
  static Result<std::shared_ptr<const Tokenizer>> Load(const std::filesystem::path& file, bool lowercase = false);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // kUnprocessable, with both lengths, when the text is over the limit and may not be cut;
  // kInvalidArgument when it is not UTF-8, or has an id that
  // the vocabulary has not. 24 us for 15 words, 386 us for 300. Of a text that is far over the limit
  // only the part is read that can matter, so that a huge one takes milliseconds (its length is then a lower bound).
  Result<TokenIds> Encode(const TextView& text, const EncodeOptions& options = {}) const;
  Result<TokenIds> Encode(std::string_view text, const EncodeOptions& options = {}) const {
    return Encode(TextView{.text = text}, options);
  }
  // The windows of a text, in order; one when it is not over the limit. `options.overlap` is set.
  Result<std::vector<TokenIds>> EncodeWindows(const TextView& text, const EncodeOptions& options) const;

  std::size_t vocabulary() const;
  std::size_t special_tokens() const;  // that a single text is given
  std::size_t HighestId() const;       // walks through the vocabulary
  bool IsSpecial(std::int64_t id) const;
  TokenizerFacts Describe() const;

 private:
  explicit Tokenizer(void* handle) : handle_(handle) {}
  // The text, or the part of it that can matter.
  std::string_view Excerpt(std::string_view text, const EncodeOptions& options) const;

  void* const handle_;  // owned; made and freed by the Rust side
};

}  // namespace weir
