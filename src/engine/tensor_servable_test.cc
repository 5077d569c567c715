#include "engine/tensor_servable.h"

#include "base/test_paths.h"
#include "engine/engine.h"
#include "model/onnx/onnx_backend.h"

namespace weir {
namespace {

TEST(TensorServable, AnswersThroughTheEngineWithARealModel) {
  const auto backend = MakeOnnxBackend();
  class Loader final : public ServableLoader {
   public:
    explicit Loader(Backend& backend) : backend_(backend) {}
    Result<std::shared_ptr<const Servable>> Load(const std::string& name) override {
      auto model = backend_.Load(ExampleModels() / name / "model.onnx");
      if (!model) return Forward(model);
      return MakeTensorServable(*model);
    }

   private:
    Backend& backend_;
  } loader(*backend);
  Metrics metrics;
  Engine engine({}, loader, Clock::Steady(), metrics);
  ASSERT_TRUE(engine.LoadAndWait("identity"));
  Tensor input = Tensor::Uninitialised(DataType::kFp32, {1, 2});
  input.Mutable<float>()[0] = 1.5F;
  input.Mutable<float>()[1] = -2;
  const auto output = engine.Run("identity", {.inputs = {input}});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_THAT(output->tensors[0].As<float>(), ::testing::ElementsAre(1.5F, -2));
  EXPECT_EQ(engine.Run("identity", {.inputs = {}}).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace weir
