#include "text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>

#include "text/tokenizer_ffi/weir_tokenizer.h"

namespace weir {
namespace {

// A tokenizer.json of the largest known vocabularies is 35 MB.
constexpr std::uintmax_t kMaxFileBytes = 100'000'000;

const std::uint8_t* Bytes(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

std::string TakeText(char* owned) {
  std::string text = owned;
  weir_error_free(owned);
  return text;
}

// An encoding of the Rust side, freed with this object.
class OwnedEncoding {
 public:
  explicit OwnedEncoding(const WeirEncoding& encoding) : encoding_(encoding) {}
  OwnedEncoding(OwnedEncoding&& other) noexcept : encoding_(std::exchange(other.encoding_, {})) {}
  OwnedEncoding& operator=(OwnedEncoding&&) = delete;
  ~OwnedEncoding() { weir_encoding_free(&encoding_); }

  const WeirEncoding* operator->() const { return &encoding_; }
  TokenIds Window(std::size_t begin, std::size_t end) const {
    return {.ids = {encoding_.ids + begin, encoding_.ids + end},
            .type_ids = {encoding_.type_ids + begin, encoding_.type_ids + end}};
  }

 private:
  WeirEncoding encoding_;
};

// Of a text that may be far over the limit so much is tokenized first. No vocabulary has 64 bytes to a token on
// average.
std::size_t ExcerptBytes(const EncodeOptions& options) {
  return std::max<std::size_t>(std::size_t{64} << 10, 64 * options.max_tokens);
}

// The beginning of a text, or its end when that is kept, between two characters.
std::string_view Part(std::string_view text, std::size_t bytes, Side side) {
  const auto inside = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U; };
  if (side == Side::kRight) {
    while (bytes > 0 && inside(bytes)) --bytes;
    return text.substr(0, bytes);
  }
  std::size_t begin = text.size() - bytes;
  while (begin < text.size() && inside(begin)) ++begin;
  return text.substr(begin);
}

Result<OwnedEncoding> CallEncode(const void* handle, const TextView& text, const EncodeOptions& options,
                                 bool is_excerpt = false) {
  const WeirEncodeRequest request{.text = Bytes(text.text),
                                  .text_len = text.text.size(),
                                  .pair = text.pair ? Bytes(*text.pair) : nullptr,
                                  .pair_len = text.pair ? text.pair->size() : 0,
                                  .ids = text.ids.empty() ? nullptr : text.ids.data(),
                                  .ids_len = text.ids.size(),
                                  .add_special_tokens = true,
                                  .max_tokens = options.max_tokens,
                                  .truncate = options.truncate,
                                  .truncate_left = options.side == Side::kLeft,
                                  .split = options.overlap.has_value(),
                                  .overlap = options.overlap.value_or(0)};
  WeirEncoding encoding{};
  if (char* why = weir_tokenizer_encode(handle, &request, &encoding)) return InvalidArgument(TakeText(why));
  OwnedEncoding owned(encoding);
  const bool may_be_longer = options.truncate || options.overlap || options.max_tokens == 0;
  if (may_be_longer || encoding.full_len <= options.max_tokens) return owned;
  return Fail(Code::kUnprocessable,
              fmt::format("the {} {}{} tokens, the model takes {}; shorten {} or set \"truncate\": true",
                          text.pair ? "two texts have" : "text has", is_excerpt ? "more than " : "", encoding.full_len,
                          options.max_tokens, text.pair ? "them" : "it"));
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::Load(const std::filesystem::path& file, bool lowercase) {
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
  if (char* why = weir_tokenizer_new(Bytes(json), json.size(), lowercase, &handle)) {
    return Fail(Code::kUnprocessable, fmt::format("{} is not a tokenizer: {}", file.string(), TakeText(why)));
  }
  return std::shared_ptr<const Tokenizer>(new Tokenizer(handle));
}

Tokenizer::~Tokenizer() { weir_tokenizer_free(handle_); }

std::size_t Tokenizer::vocabulary() const { return weir_tokenizer_vocab_size(handle_); }
std::size_t Tokenizer::special_tokens() const { return weir_tokenizer_added_tokens(handle_); }
std::size_t Tokenizer::HighestId() const { return weir_tokenizer_highest_id(handle_); }

bool Tokenizer::IsSpecial(std::int64_t id) const {
  return weir_tokenizer_is_special(handle_, static_cast<std::uint32_t>(id));
}

TokenizerFacts Tokenizer::Describe() const {
  std::istringstream lines(TakeText(weir_tokenizer_describe(handle_)));
  TokenizerFacts facts;
  std::getline(lines, facts.kind);
  for (std::string token; std::getline(lines, token);) facts.special_tokens.push_back(token);
  return facts;
}

Result<TokenIds> Tokenizer::Encode(const TextView& text, const EncodeOptions& options) const {
  if (!text.ids.empty()) {
    auto encoding = CallEncode(handle_, text, options);
    if (!encoding) return Forward(encoding);
    return encoding->Window(0, (*encoding)->len);
  }
  const std::string_view first = Excerpt(text.text, options);
  const std::optional<std::string_view> second = text.pair ? std::optional(Excerpt(*text.pair, options)) : std::nullopt;
  const bool excerpt = first.size() < text.text.size() || (second && second->size() < text.pair->size());
  auto encoding = CallEncode(handle_, {.text = first, .pair = second, .ids = {}}, options, excerpt);
  if (!encoding) return Forward(encoding);
  return encoding->Window(0, (*encoding)->len);
}

std::string_view Tokenizer::Excerpt(std::string_view text, const EncodeOptions& options) const {
  const std::size_t bytes = ExcerptBytes(options);
  if (options.max_tokens == 0 || text.size() <= bytes) return text;
  const std::string_view part = Part(text, bytes, options.side);
  const auto encoding = CallEncode(handle_, {.text = part, .pair = std::nullopt, .ids = {}}, {});
  // What follows a token can change it and its neighbours, but not one that is as many tokens away as the limit.
  return encoding && (*encoding)->full_len > 2 * options.max_tokens ? part : text;
}

Result<std::vector<TokenIds>> Tokenizer::EncodeWindows(const TextView& text, const EncodeOptions& options) const {
  auto encoding = CallEncode(handle_, text, options);
  if (!encoding) return Forward(encoding);
  std::vector<TokenIds> windows;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < (*encoding)->windows; ++i) {
    const std::size_t end = (*encoding)->ends[i];
    windows.push_back(encoding->Window(begin, end));
    begin = end;
  }
  return windows;
}

}  // namespace weir
