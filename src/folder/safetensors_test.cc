#include "folder/safetensors.h"

#include <limits>

#include "folder/test_safetensors.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> Values(const Tensor& tensor) {
  const auto values = tensor.As<float>();
  return {values.begin(), values.end()};
}

TEST(Safetensors, ReadsEachTypeAsFloats) {
  const auto read = ParseSafetensors(
      Safetensors(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
                  R"("h":{"dtype":"F16","shape":[5],"data_offsets":[8,18]},)"
                  R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[18,22]}})",
                  BytesOf<float>({1.5F, -2}) + BytesOf<std::uint16_t>({0x3C00, 0xC000, 0x0001, 0x7C00, 0x8000}) +
                      BytesOf<std::uint16_t>({0x3FC0, 0xC000})),
      "f");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(read->at("a").shape(), ElementsAre(2, 1));
  EXPECT_THAT(Values(read->at("a")), ElementsAre(1.5F, -2));
  // IEEE 754: one, minus two, the least number, infinity, minus zero.
  EXPECT_THAT(Values(read->at("h")), ElementsAre(1, -2, 0x1p-24F, std::numeric_limits<float>::infinity(), -0.0F));
  EXPECT_THAT(Values(read->at("b")), ElementsAre(1.5F, -2));
}

TEST(Safetensors, RefusesWhatDoesNotFitItsBytes) {
  const auto refusal = [](const std::string& bytes) {
    const auto read = ParseSafetensors(bytes, "w.safetensors");
    return read ? "accepted" : read.error().message;
  };
  const std::string data(8, '\0');
  EXPECT_THAT(refusal("abc"), HasSubstr("w.safetensors is not a safetensors file: it is shorter"));
  EXPECT_THAT(refusal(std::string(8, '\xff')), HasSubstr("goes beyond its end"));
  EXPECT_THAT(refusal(Safetensors("{", data)), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal(Safetensors("[]", data)), HasSubstr("not an object"));
  for (const char* entry :
       {R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})", R"({"dtype":"F32","shape":[2],"data_offsets":[0,16]})",
        R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})", R"({"dtype":"F32","shape":[2],"data_offsets":[-8,0]})",
        R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]})",
        R"({"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]})",
        R"({"dtype":"C64","shape":[1],"data_offsets":[0,8]})", R"({"dtype":"F32"})", "5"}) {
    EXPECT_THAT(refusal(Safetensors(fmt::format(R"({{"t":{}}})", entry), data)), HasSubstr("'t' do not fit")) << entry;
  }
}

TEST(Safetensors, KeepsTypesThatAreNoFloatsAndRefusesThemAsFloats) {
  const std::string file =
      Safetensors(R"({"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", std::string(8, '\1'));
  const auto entries = ListSafetensors(file, "f");
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(entries->at("n").type, "I64");
  EXPECT_EQ(entries->at("n").data.size(), 8U);
  EXPECT_FALSE(AsFp32(entries->at("n")));
  EXPECT_EQ(ParseSafetensors(file, "f").error().message, "f: 'n' is of type I64; F32, F16 and BF16 are read");
}

}  // namespace
}  // namespace weir
