#include "dataset/format.h"

#include <fmt/format.h>

#include <bit>
#include <limits>

#include "codec/json_writer.h"
#include "dataset/csv_splitter.h"

namespace weir::dataset {
namespace {

class Ndjson final : public Format {
 public:
  std::string Head(std::uint64_t /*rows*/) const override { return {}; }

  void Append(std::uint64_t index, const Answer& answer, std::string& out) const override {
    codec::JsonWriter json;
    json.BeginObject().Key("index").Int(static_cast<std::int64_t>(index));
    if (const auto* vector = std::get_if<Tensor>(&answer)) {
      json.Key("embedding").Elements(*vector);
    } else if (const auto* labels = std::get_if<std::vector<ScoredLabel>>(&answer)) {
      json.Key("labels").BeginArray();
      for (const ScoredLabel& scored : *labels) {
        json.BeginObject().Key("label").String(scored.label).Key("score").Float(scored.score).EndObject();
      }
      json.EndArray();
    } else {
      const Error& error = std::get<Error>(answer);
      json.Key("error").BeginObject().Key("code").String(CodeName(error.code));
      json.Key("message").String(error.message).EndObject();
    }
    out += json.EndObject().Take();
    out += '\n';
  }
};

class Csv final : public Format {
 public:
  explicit Csv(OutputShape shape) : shape_(std::move(shape)) {}

  std::string Head(std::uint64_t /*rows*/) const override {
    std::string head = "index";
    if (shape_.width > 0) {
      for (std::size_t i = 0; i < shape_.width; ++i) head += fmt::format(",e{}", i);
    } else {
      head += ",label,score";
      for (std::size_t i = 0; i < scores(); ++i) head.append(",").append(CsvQuoted(shape_.labels[i]));
    }
    return head + ",error\n";
  }

  void Append(std::uint64_t index, const Answer& answer, std::string& out) const override {
    out += std::to_string(index);
    if (const auto* vector = std::get_if<Tensor>(&answer)) {
      for (const float value : vector->As<float>()) fmt::format_to(std::back_inserter(out), ",{}", value);
      out += ",\n";
    } else if (const auto* labels = std::get_if<std::vector<ScoredLabel>>(&answer)) {
      fmt::format_to(std::back_inserter(out), ",{},{}", CsvQuoted(labels->front().label), labels->front().score);
      for (std::size_t i = 0; i < scores(); ++i) fmt::format_to(std::back_inserter(out), ",{}", Score(*labels, i));
      out += ",\n";
    } else {
      out.append(shape_.width > 0 ? shape_.width : 2 + scores(), ',');
      out.append(",").append(CsvQuoted(std::get<Error>(answer).message)).append("\n");
    }
  }

 private:
  // Columns with the score of one label each.
  std::size_t scores() const { return shape_.top_k == 1 ? 0 : shape_.labels.size(); }
  float Score(const std::vector<ScoredLabel>& labels, std::size_t which) const {
    for (const ScoredLabel& scored : labels) {
      if (scored.label == shape_.labels[which]) return scored.score;
    }
    return std::numeric_limits<float>::quiet_NaN();
  }

  const OutputShape shape_;
};

// The format of numpy.lib.format, version 1.0.
class Npy final : public Format {
 public:
  explicit Npy(OutputShape shape) : shape_(std::move(shape)) {}

  std::string Head(std::uint64_t rows) const override {
    static_assert(std::endian::native == std::endian::little, "'<f4' is little-endian");
    constexpr std::size_t kSize = 128;  // room for every number of rows; a multiple of 64
    constexpr std::size_t kBefore = 10;
    std::string head("\x93NUMPY\x01\x00", 8);
    head += static_cast<char>(kSize - kBefore);
    head += '\0';
    head += fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, shape_.width);
    head.resize(kSize - 1, ' ');
    return head + '\n';
  }
  bool rows_in_head() const override { return true; }

  void Append(std::uint64_t /*index*/, const Answer& answer, std::string& out) const override {
    const auto add = [&out](std::span<const float> values) {
      out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    };
    if (const auto* vector = std::get_if<Tensor>(&answer)) {
      add(vector->As<float>());
    } else {
      add(std::vector<float>(shape_.width, std::numeric_limits<float>::quiet_NaN()));
    }
  }

 private:
  const OutputShape shape_;
};

}  // namespace

Result<std::unique_ptr<const Format>> MakeFormat(OutputFormat format, OutputShape shape) {
  switch (format) {
    case OutputFormat::kNdjson: return std::make_unique<const Ndjson>();
    case OutputFormat::kCsv:
      if (shape.top_k > 1) return InvalidArgument("CSV holds the best label (--top-k 1) or all of them; use ndjson");
      return std::make_unique<const Csv>(std::move(shape));
    case OutputFormat::kNpy:
      if (shape.width == 0)
        return InvalidArgument(".npy holds vectors, and this model gives labels: use ndjson or csv");
      return std::make_unique<const Npy>(std::move(shape));
  }
  return InvalidArgument("no such format");
}

}  // namespace weir::dataset
