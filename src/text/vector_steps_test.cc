#include "text/vector_steps.h"

#include "base/test_folder.h"
#include "folder/test_safetensors.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

std::vector<float> Values(const Tensor& tensor) {
  const auto values = tensor.As<float>();
  return {values.begin(), values.end()};
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
