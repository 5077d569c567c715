#include "http/content_coding.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>

#include "http/header_text.h"

namespace weir::http {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"identity", "gzip", "deflate", "zstd"};
// zlib's windowBits: 15 is the largest window; 16 more is a gzip header and trailer, 32 more takes that or zlib's.
constexpr int kWindow = 15;
constexpr int kGzip = 16;
constexpr int kAnyHeader = 32;
constexpr int kMemory = 8;  // zlib's default
constexpr std::size_t kFirst = 64U << 10;

// The part before `mark`, which is taken off with it.
std::string_view TakeUntil(std::string_view& text, char mark) {
  const std::size_t end = std::min(text.find(mark), text.size());
  const std::string_view part = Trim(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::optional<Coding> Named(std::string_view name) {
  if (SameText(name, "x-gzip")) return Coding::kGzip;
  const auto* const found = std::ranges::find_if(kNames, [&](std::string_view known) { return SameText(name, known); });
  return found == kNames.end() ? std::nullopt : std::optional(static_cast<Coding>(found - kNames.begin()));
}

// "q=0.5" behind a coding; 1 without, 0 for what is no number.
double Weight(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view value = TakeUntil(parameters, ';');
    if (!SameText(TakeUntil(value, '='), "q")) continue;
    double weight = 0;
    std::from_chars(value.data(), value.data() + value.size(), weight);
    return weight;
  }
  return 1;
}

constexpr char kCut[] = "it ends before its end";

std::unexpected<Error> NotPacked(Coding coding, const char* why) {
  return InvalidArgument(fmt::format("the body is not {}, which Content-Encoding says: {}", CodingName(coding), why));
}

std::unexpected<Error> TooMuch(std::size_t most) {
  return Fail(Code::kTooLarge, fmt::format("the unpacked body is larger than {} bytes", most));
}

std::unexpected<Error> Follows(Coding coding, std::size_t bytes) {
  return InvalidArgument(fmt::format("{} bytes follow the end of the {} body", bytes, CodingName(coding)));
}

// Memory that unpacking may take beside the text: windows of up to 8 MiB, as RFC 8878 asks decoders to have.
constexpr int kWindowLog = 23;

// One frame.
Result<std::string> UnpackZstd(std::string_view packed, std::size_t most) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!context || ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLog)) != 0) {
    return Fail(Code::kResourceExhausted, "there is no room to unpack the body");
  }
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::string text;
  for (std::size_t left = 1; left != 0;) {
    const std::size_t done = text.size();
    if (done > most) return TooMuch(most);
    text.resize(std::min(std::max(kFirst, 2 * done), most + 1));
    ZSTD_outBuffer out{text.data() + done, text.size() - done, 0};
    left = ZSTD_decompressStream(context.get(), &out, &in);
    text.resize(done + out.pos);
    if (ZSTD_isError(left) != 0) return NotPacked(Coding::kZstd, ZSTD_getErrorName(left));
    if (left != 0 && in.pos == in.size && out.pos < out.size) return NotPacked(Coding::kZstd, kCut);
  }
  if (text.size() > most) return TooMuch(most);
  if (in.pos < in.size) return Follows(Coding::kZstd, in.size - in.pos);
  return text;
}

std::optional<std::string> PackZstd(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1);
  if (ZSTD_isError(size) != 0) return std::nullopt;
  packed.resize(size);
  return packed;
}

}  // namespace

std::string_view CodingName(Coding coding) { return kNames[static_cast<std::size_t>(coding)]; }

std::optional<Coding> ParseContentEncoding(std::string_view value) {
  return Trim(value).empty() ? Coding::kIdentity : Named(Trim(value));
}

Coding ChooseCoding(std::string_view accepted) {
  Coding best = Coding::kIdentity;
  double most = 0;
  while (!accepted.empty()) {
    std::string_view one = TakeUntil(accepted, ',');
    const std::optional<Coding> coding = Named(TakeUntil(one, ';'));
    const double weight = Weight(one);
    if (!coding || *coding == Coding::kIdentity || weight <= most) continue;
    best = *coding;
    most = weight;
  }
  return best;
}

Result<std::string> Unpack(Coding coding, std::string_view packed, std::size_t most) {
  if (coding == Coding::kIdentity) return std::string(packed);
  if (coding == Coding::kZstd) return UnpackZstd(packed, most);
  z_stream stream{};
  if (packed.size() > std::numeric_limits<uInt>::max() || inflateInit2(&stream, kWindow + kAnyHeader) != Z_OK) {
    return Fail(Code::kResourceExhausted, "there is no room to unpack the body");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  for (int state = Z_OK; state != Z_STREAM_END;) {
    const std::size_t done = text.size();
    if (done > most) return TooMuch(most);
    text.resize(std::min(std::max(kFirst, 2 * done), most + 1));
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + done);
    stream.avail_out = static_cast<uInt>(std::min<std::size_t>(text.size() - done, std::numeric_limits<uInt>::max()));
    const std::size_t room = stream.avail_out;
    state = inflate(&stream, Z_NO_FLUSH);
    text.resize(done + room - stream.avail_out);
    // Everything has been read, and there was room for more: the rest is missing.
    const bool cut = state == Z_OK && stream.avail_in == 0 && stream.avail_out > 0;
    if (cut || (state != Z_OK && state != Z_STREAM_END)) {
      return NotPacked(coding, stream.msg != nullptr ? stream.msg : kCut);
    }
  }
  if (text.size() > most) return TooMuch(most);
  if (stream.avail_in > 0) return Follows(coding, stream.avail_in);
  return text;
}

std::optional<std::string> Pack(Coding coding, std::string_view text) {
  if (coding == Coding::kZstd) return PackZstd(text);
  z_stream stream{};
  const int window = coding == Coding::kGzip ? kWindow + kGzip : kWindow;
  const bool fits = coding != Coding::kIdentity && text.size() <= std::numeric_limits<uInt>::max() / 2;
  if (!fits || deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, deflateEnd);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return std::nullopt;
  packed.resize(packed.size() - stream.avail_out);
  return packed;
}

}  // namespace weir::http
