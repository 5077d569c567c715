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

// A graph with open sizes that does not run when all of them are 1.
class Picky final : public Model, public std::enable_shared_from_this<Picky> {
 public:
  explicit Picky(Shape shape) { manifest_.inputs = {{"x", DataType::kFp32, std::move(shape)}}; }
  const Manifest& manifest() const override { return manifest_; }
  std::unique_ptr<Session> NewSession() const override {
    class Refuses final : public Session {
      Result<std::vector<Tensor>> Run(std::span<const Tensor>, std::stop_token) override {
        return Fail(Code::kUnprocessable, "the kernel is larger than the image");
      }
      Status RunInto(std::span<const Tensor>, std::span<Tensor>, std::stop_token) override {
        return Fail(Code::kInternal, "nobody asks for it");
      }
    };
    return std::make_unique<Refuses>();
  }

 private:
  Manifest manifest_;
};

TEST(TensorServable, IsServedUnprovenWhenOnlyTheGuessedSizesDoNotRun) {
  EXPECT_TRUE(MakeTensorServable(std::make_shared<Picky>(Shape{1, 3, -1, -1}))->WarmUp());
  EXPECT_FALSE(MakeTensorServable(std::make_shared<Picky>(Shape{1, 3, 8, 8}))->WarmUp());
}

}  // namespace
}  // namespace weir
