#include "model/onnx/onnx_backend.h"

#include "base/test_folder.h"
#include "base/test_paths.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const Model> LoadExample(Backend& backend, const std::string& name) {
  Result<std::shared_ptr<const Model>> model = backend.Load(ExampleModels() / name / "model.onnx");
  EXPECT_TRUE(model) << model.error().message;
  return *model;
}

Tensor Ints(Shape shape, std::int32_t first) {
  Tensor tensor = Tensor::Uninitialised(DataType::kInt32, std::move(shape));
  std::ranges::generate(tensor.Mutable<std::int32_t>(), [first]() mutable { return first++; });
  return tensor;
}

TEST(OnnxBackend, ReadsTheInterfaceFromTheGraph) {
  const auto backend = MakeOnnxBackend();
  const auto model = LoadExample(*backend, "simple");
  const Manifest& manifest = model->manifest();
  ASSERT_EQ(manifest.inputs.size(), 2U);
  EXPECT_EQ(manifest.inputs[0].name, "INPUT0");
  EXPECT_EQ(manifest.inputs[0].type, DataType::kInt32);
  EXPECT_THAT(manifest.inputs[0].shape, ElementsAre(-1, 16));
  EXPECT_EQ(manifest.OutputIndex("OUTPUT1"), 1);
  EXPECT_EQ(manifest.OutputIndex("OUTPUT2"), -1);
  EXPECT_GT(manifest.weight_bytes, 0U);
}

TEST(OnnxBackend, RunsAModel) {
  const auto backend = MakeOnnxBackend();
  const auto session = LoadExample(*backend, "simple")->NewSession();
  const std::vector<Tensor> inputs = {Ints({1, 16}, 100), Ints({1, 16}, 1)};
  const auto outputs = session->Run(inputs, {});
  ASSERT_TRUE(outputs) << outputs.error().message;
  EXPECT_THAT((*outputs)[0].shape(), ElementsAre(1, 16));
  EXPECT_EQ((*outputs)[0].As<std::int32_t>()[15], 115 + 16);
  EXPECT_EQ((*outputs)[1].As<std::int32_t>()[0], 99);
}

TEST(OnnxBackend, RunsManySessionsOfOneModelAtOnce) {
  const auto backend = MakeOnnxBackend();
  const auto model = LoadExample(*backend, "simple");
  std::vector<std::jthread> threads;
  std::atomic<int> right = 0;
  for (std::int32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto session = model->NewSession();
      for (std::int32_t i = 0; i < 100; ++i) {
        const std::vector<Tensor> inputs = {Ints({2, 16}, t), Ints({2, 16}, i)};
        const auto outputs = session->Run(inputs, {});
        right += outputs && (*outputs)[0].As<std::int32_t>()[0] == t + i ? 1 : 0;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(right, 400);
}

TEST(OnnxBackend, SharesOneModelBetweenTwoPathsToOneFile) {
  const auto backend = MakeOnnxBackend();
  const TestFolder folder;
  std::filesystem::create_symlink(ExampleModels() / "simple" / "model.onnx", folder.path() / "link.onnx");
  const auto direct = LoadExample(*backend, "simple");
  const auto linked = backend->Load(folder.path() / "link.onnx");
  ASSERT_TRUE(linked);
  EXPECT_EQ(*linked, direct);
}

TEST(OnnxBackend, RefusesAFileThatIsNoGraphAndNamesIt) {
  const auto backend = MakeOnnxBackend();
  const TestFolder folder;
  const auto broken = backend->Load(folder.Write("model.onnx", "this is no graph"));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::kUnprocessable);
  EXPECT_THAT(broken.error().message, HasSubstr("model.onnx is not a graph that ONNX Runtime"));
}

TEST(OnnxBackend, StopsARunAndRunsAgainAfterwards) {
  const auto backend = MakeOnnxBackend();
  const auto session = LoadExample(*backend, "simple")->NewSession();
  const std::vector<Tensor> inputs = {Ints({1, 16}, 0), Ints({1, 16}, 0)};
  std::stop_source stop;
  stop.request_stop();
  const auto stopped = session->Run(inputs, stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
  EXPECT_TRUE(session->Run(inputs, {}));
}

}  // namespace
}  // namespace weir
