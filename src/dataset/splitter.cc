#include "dataset/splitter.h"

#include <fmt/format.h>

#include <utility>

#include "codec/json_reader.h"
#include "dataset/csv_splitter.h"

namespace weir::dataset {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// One item for each line; what the item is, `Make` says.
class LineSplitter : public Splitter {
 public:
  explicit LineSplitter(const SplitOptions& options) : options_(options) {}

  Status Feed(std::string_view bytes, std::vector<Item>& items) override {
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      Keep(bytes.substr(0, end));
      items.push_back(Finish());
      bytes.remove_prefix(end + 1);
    }
    Keep(bytes);
    return {};
  }

  Status End(std::vector<Item>& items) override {
    if (!line_.empty() || length_ > 0) items.push_back(Finish());
    return {};
  }

 protected:
  virtual Item Make(std::string line) { return {std::move(line)}; }
  const SplitOptions& options() const { return options_; }

 private:
  // Of a line that is too long nothing is kept but its length.
  void Keep(std::string_view part) {
    length_ += part.size();
    if (length_ <= options_.longest) {
      line_ += part;
    } else {
      std::string().swap(line_);
    }
  }

  Item Finish() {
    const std::size_t length = std::exchange(length_, 0);
    std::string line = std::exchange(line_, {});
    const bool first = std::exchange(first_, false);
    if (length > options_.longest) {
      return {"",
              Error{Code::kTooLarge, fmt::format("the line has {} bytes, the limit is {}", length, options_.longest)}};
    }
    if (first && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
    if (line.ends_with('\r')) line.pop_back();
    return Make(std::move(line));
  }

  const SplitOptions options_;
  std::string line_;
  std::size_t length_ = 0;  // of the unfinished line, kept or not
  bool first_ = true;
};

class JsonlSplitter final : public LineSplitter {
 public:
  using LineSplitter::LineSplitter;

 private:
  Item Make(std::string line) override {
    Result<std::string> text = Read(line);
    if (text) return {std::move(*text)};
    // The reader was made for request bodies.
    constexpr std::string_view kBody = "the body";
    std::string& message = text.error().message;
    if (message.starts_with(kBody)) message.replace(0, kBody.size(), "the line");
    return {"", std::move(text.error())};
  }

  Result<std::string> Read(const std::string& line) const {
    if (line.find_first_not_of(" \t") == std::string::npos) {
      return InvalidArgument("the line is empty; a JSON value is expected");
    }
    Result<codec::JsonElement> value = codec::ParseJson(line);
    if (!value) return Forward(value);
    std::string_view text;
    if (!value->get(text)) return std::string(text);
    Result<codec::JsonObject> object = codec::JsonObject::From(*value);
    if (!object) return Forward(object);
    return object->RequireString(options().field);
  }
};

}  // namespace

std::unique_ptr<Splitter> MakeSplitter(const SplitOptions& options) {
  switch (options.format) {
    case InputFormat::kLines: return std::make_unique<LineSplitter>(options);
    case InputFormat::kJsonl: return std::make_unique<JsonlSplitter>(options);
    case InputFormat::kCsv: return MakeCsvSplitter(options);
  }
  return nullptr;
}

}  // namespace weir::dataset
