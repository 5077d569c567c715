#include "text/vector_steps.h"

#include <cstring>

#include "base/test_folder.h"
#include "text/safetensors.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string Safetensors(std::string_view header, std::string_view data) {
  const std::uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof size).append(header).append(data);
}

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
        R"({"dtype":"I64","shape":[1],"data_offsets":[0,8]})", R"({"dtype":"F32"})", "5"}) {
    EXPECT_THAT(refusal(Safetensors(fmt::format(R"({{"t":{}}})", entry), data)), HasSubstr("'t' do not fit")) << entry;
  }
}

class StepFolder : public ::testing::Test {
 protected:
  void WriteDense(std::string_view config) const {
    folder_.Write("config.json", config);
    folder_.Write("model.safetensors",
                  Safetensors(R"({"linear.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},)"
                              R"("linear.bias":{"dtype":"F32","shape":[3],"data_offsets":[24,36]}})",
                              BytesOf<float>({1, 2, 0, -1, 0.5F, 0.5F, 10, 0, -1})));
  }
  std::string Refusal() const {
    const auto read = ReadDense(folder_.path());
    return read ? "accepted" : read.error().message;
  }
  static Tensor Rows(std::initializer_list<float> values, std::int64_t width) {
    Tensor rows = Tensor::Uninitialised(DataType::kFp32, {static_cast<std::int64_t>(values.size()) / width, width});
    std::ranges::copy(values, rows.Mutable<float>().begin());
    return rows;
  }
  const TestFolder folder_;
};

TEST_F(StepFolder, ADenseModuleMultipliesAddsAndActivates) {
  WriteDense(R"({"in_features": 2, "out_features": 3, "bias": true,
                 "activation_function": "torch.nn.modules.activation.ReLU"})");
  const auto step = ReadDense(folder_.path());
  ASSERT_TRUE(step) << step.error().message;
  EXPECT_EQ(DescribeStep(*step), "dense 2 -> 3, ReLU");
  const Tensor out = ApplyStep(*step, Rows({1, 2, 4, 6}, 2));
  EXPECT_THAT(out.shape(), ElementsAre(2, 3));
  EXPECT_THAT(Values(out), ElementsAre(15, 0, 0.5F, 26, 0, 4));
  EXPECT_EQ(WidthAfter(*step, 2), 3U);
  EXPECT_THAT(WidthAfter(*step, 4).error().message, HasSubstr("'dense 2 -> 3, ReLU' does not fit vectors of 4"));
}

TEST_F(StepFolder, EachActivationIsTheOneOfTorch) {
  // Expected: torch.nn.functional on 0.5, rounded to 7 digits.
  const std::map<std::string, float> expected = {{"linear.Identity", 0.5F},          {"activation.Tanh", 0.4621172F},
                                                 {"activation.GELU", 0.3457312F},    {"activation.ReLU", 0.5F},
                                                 {"activation.Sigmoid", 0.6224593F}, {"activation.SiLU", 0.3112297F}};
  for (const auto& [name, value] : expected) {
    WriteDense(fmt::format(R"({{"in_features": 2, "out_features": 3, "bias": false,
                               "activation_function": "torch.nn.modules.{}"}})",
                           name));
    const auto step = ReadDense(folder_.path());
    ASSERT_TRUE(step) << step.error().message;
    EXPECT_NEAR(ApplyStep(*step, Rows({0.5F, 0}, 2)).As<float>()[0], value, 1e-6) << name;
  }
}

TEST_F(StepFolder, RefusesADenseModuleThatIsNotServed) {
  EXPECT_THAT(Refusal(), HasSubstr("has no config.json"));
  WriteDense(R"({"in_features": 2, "out_features": 3, "activation_function": "my.Function"})");
  EXPECT_THAT(Refusal(), HasSubstr("the activation my.Function is not served"));
  WriteDense(R"({"in_features": 2, "out_features": 3, "module_input_name": "token_embeddings"})");
  EXPECT_THAT(Refusal(), HasSubstr("a Dense module on token_embeddings is not served"));
  WriteDense(R"({"in_features": 2, "out_features": 3, "use_residual": true})");
  EXPECT_THAT(Refusal(), HasSubstr("use_residual is not served"));
  WriteDense(R"({"in_features": 2})");
  EXPECT_THAT(Refusal(), HasSubstr("out_features is missing"));
  WriteDense(R"({"in_features": 5, "out_features": 3})");
  EXPECT_THAT(Refusal(), HasSubstr("has no tensor 'linear.weight' of shape [3, 5]"));
  std::filesystem::remove(folder_.path() / "model.safetensors");
  EXPECT_THAT(Refusal(), HasSubstr("has no model.safetensors"));
  folder_.Write("pytorch_model.bin", "");
  EXPECT_THAT(Refusal(), HasSubstr("pytorch_model.bin is a Python pickle, which is not read"));
}

TEST_F(StepFolder, ALayerNormCentersAndScalesEachRow) {
  folder_.Write("config.json", R"({"dimension": 2})");
  folder_.Write("model.safetensors", Safetensors(R"({"norm.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                                 R"("norm.bias":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
                                                 BytesOf<float>({2, 1, 0, 5})));
  const auto step = ReadLayerNorm(folder_.path());
  ASSERT_TRUE(step) << step.error().message;
  EXPECT_THAT(Values(ApplyStep(*step, Rows({1, 3, 10, 30}, 2))),
              Pointwise(FloatNear(1e-4F), {-2.0F, 6.0F, -2.0F, 6.0F}));
}

TEST_F(StepFolder, NormalizeScalesEachRow) {
  EXPECT_THAT(Values(ApplyStep(NormalizeStep{}, Rows({3, 4, 0, -2}, 2))),
              Pointwise(FloatNear(1e-6F), {0.6F, 0.8F, 0.0F, -1.0F}));
}

}  // namespace
}  // namespace weir
