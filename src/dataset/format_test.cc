#include "dataset/format.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

namespace weir::dataset {
namespace {

using ::testing::HasSubstr;

Tensor Vector(std::vector<float> values) {
  Tensor tensor = Tensor::Uninitialised(DataType::kFp32, {static_cast<std::int64_t>(values.size())});
  std::ranges::copy(values, tensor.Mutable<float>().begin());
  return tensor;
}

std::string Written(OutputFormat kind, const OutputShape& shape, const std::vector<Answer>& answers) {
  const auto format = MakeFormat(kind, shape);
  EXPECT_TRUE(format);
  std::string out = (*format)->Head(0);
  for (std::size_t i = 0; i < answers.size(); ++i) (*format)->Append(i, answers[i], out);
  return out;
}

const std::vector<ScoredLabel> kLabels = {{"b\"c", 0.75F}, {"a", 0.25F}};
const Error kError{Code::kUnprocessable, "too long, by \"2\""};

TEST(Ndjson, HasAnObjectForEachAnswer) {
  EXPECT_EQ(Written(OutputFormat::kNdjson, {}, {kLabels, Vector({0.5F, -1.0F}), kError}),
            "{\"index\":0,\"labels\":[{\"label\":\"b\\\"c\",\"score\":0.75},{\"label\":\"a\",\"score\":0.25}]}\n"
            "{\"index\":1,\"embedding\":[0.5,-1]}\n"
            "{\"index\":2,\"error\":{\"code\":\"unprocessable\",\"message\":\"too long, by \\\"2\\\"\"}}\n");
}

TEST(CsvOut, HasTheBestLabelAndAColumnForEach) {
  EXPECT_EQ(Written(OutputFormat::kCsv, {.labels = {"a", "b\"c"}}, {kLabels, kError}),
            "index,label,score,\"a\",\"b\"\"c\",error\n"
            "0,\"b\"\"c\",0.75,0.25,0.75,\n"
            "1,,,,,\"too long, by \"\"2\"\"\"\n");
  EXPECT_EQ(Written(OutputFormat::kCsv, {.labels = {"a", "b\"c"}, .top_k = 1}, {kError}),
            "index,label,score,error\n0,,,\"too long, by \"\"2\"\"\"\n");
}

TEST(CsvOut, HasAColumnForEachValueOfAVector) {
  EXPECT_EQ(Written(OutputFormat::kCsv, {.width = 2}, {Vector({0.5F, -1.0F}), kError}),
            "index,e0,e1,error\n0,0.5,-1,\n1,,,\"too long, by \"\"2\"\"\"\n");
}

TEST(Npy, IsAHeadOfOneSizeAndPlainFloats) {
  const auto format = MakeFormat(OutputFormat::kNpy, {.width = 2});
  ASSERT_TRUE(format);
  ASSERT_TRUE((*format)->rows_in_head());
  const std::string head = (*format)->Head(12);
  EXPECT_EQ(head.size(), 128U);
  EXPECT_EQ((*format)->Head(std::numeric_limits<std::uint64_t>::max()).size(), head.size());
  EXPECT_THAT(head, HasSubstr("'shape': (12, 2)"));
  EXPECT_EQ(head.back(), '\n');
  std::string rows;
  (*format)->Append(0, Vector({0.5F, -1.0F}), rows);
  (*format)->Append(1, kError, rows);
  ASSERT_EQ(rows.size(), 16U);
  std::array<float, 4> values{};
  std::memcpy(values.data(), rows.data(), rows.size());
  EXPECT_EQ(values[0], 0.5F);
  EXPECT_EQ(values[1], -1.0F);
  EXPECT_TRUE(std::isnan(values[2]) && std::isnan(values[3]));
}

TEST(Format, RefusesWhatItCannotHold) {
  EXPECT_FALSE(MakeFormat(OutputFormat::kNpy, {.labels = {"a"}}));
  EXPECT_FALSE(MakeFormat(OutputFormat::kCsv, {.labels = {"a", "b"}, .top_k = 2}));
}

}  // namespace
}  // namespace weir::dataset
