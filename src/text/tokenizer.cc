#include "text/tokenizer.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string>

#include "text/tokenizer_ffi/weir_tokenizer.h"

namespace weir {
namespace {

// A tokenizer.json of the largest known vocabularies is 35 MB.
constexpr std::uintmax_t kMaxFileBytes = 128U << 20;

const std::uint8_t* Bytes(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

std::string TakeText(char* owned) {
  std::string text = owned;
  weir_error_free(owned);
  return text;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Load(const std::filesystem::path& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error) return Fail(Code::kNotFound, fmt::format("{}: {}", file.string(), error.message()));
  if (size > kMaxFileBytes) {
    return Fail(Code::kUnprocessable, fmt::format("{} has {} bytes, more than the {} a tokenizer may have",
                                                  file.string(), size, kMaxFileBytes));
  }
  std::ifstream stream(file, std::ios::binary);
  const std::string json(std::istreambuf_iterator<char>(stream), {});
  void* handle = nullptr;
  if (char* why = weir_tokenizer_new(Bytes(json), json.size(), &handle)) {
    return Fail(Code::kUnprocessable, fmt::format("{} is not a tokenizer: {}", file.string(), TakeText(why)));
  }
  return std::shared_ptr<const Tokenizer>(new Tokenizer(handle));
}

Tokenizer::~Tokenizer() { weir_tokenizer_free(handle_); }

std::size_t Tokenizer::vocabulary() const { return weir_tokenizer_vocab_size(handle_); }

Result<TokenIds> Tokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  const WeirEncodeRequest request{.text = Bytes(text),
                                  .text_len = text.size(),
                                  .pair = nullptr,
                                  .pair_len = 0,
                                  .add_special_tokens = true,
                                  .max_tokens = options.max_tokens,
                                  .truncate = options.truncate};
  WeirEncoding encoding{};
  if (char* why = weir_tokenizer_encode(handle_, &request, &encoding)) {
    return InvalidArgument(TakeText(why));
  }
  TokenIds ids{.ids = {encoding.ids, encoding.ids + encoding.len},
               .type_ids = {encoding.type_ids, encoding.type_ids + encoding.len}};
  weir_encoding_free(&encoding);
  if (options.max_tokens > 0 && !options.truncate && encoding.full_len > options.max_tokens) {
    return Fail(Code::kUnprocessable,
                fmt::format("the text has {} tokens, the model takes {}; shorten it or set \"truncate\": true",
                            encoding.full_len, options.max_tokens));
  }
  return ids;
}

}  // namespace weir
