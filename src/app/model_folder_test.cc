#include "app/model_folder.h"

#include "base/test_folder.h"
#include "base/test_paths.h"
#include "model/onnx/onnx_backend.h"

namespace weir::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ModelFoldersTest : public ::testing::Test {
 protected:
  const TestFolder folder_;
  const std::unique_ptr<Backend> backend_ = MakeOnnxBackend();
  ModelFolders folders_{*backend_};
};

TEST_F(ModelFoldersTest, TakesEverySubFolderButHiddenOnes) {
  folder_.Write("a/model.onnx", "");
  folder_.Write("b/model.onnx", "");
  folder_.Write(".git/model.onnx", "");
  folder_.Write("README.md", "");
  ASSERT_TRUE(folders_.AddAll(folder_.path()));
  EXPECT_THAT(folders_.Names(), ElementsAre("a", "b"));
}

TEST_F(ModelFoldersTest, RefusesTheSameNameTwiceAndNamesBothPlaces) {
  folder_.Write("one/m/model.onnx", "");
  folder_.Write("two/m/model.onnx", "");
  ASSERT_TRUE(folders_.AddAll(folder_.path() / "one"));
  const Status twice = folders_.AddAll(folder_.path() / "two");
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message, HasSubstr("there are two models 'm': "));
}

TEST_F(ModelFoldersTest, SaysWhichFolderCannotBeRead) {
  EXPECT_THAT(folders_.AddAll("/no/such/folder").error().message, HasSubstr("/no/such/folder cannot be read"));
  EXPECT_EQ(folders_.AddOne({.folder = "/no/such/model"}).error().code, Code::kNotFound);
}

TEST_F(ModelFoldersTest, FindsTheNameOfAFolderHoweverItIsWritten) {
  EXPECT_EQ(*folders_.AddOne({.folder = ExampleModels() / "simple" / ""}), "simple");
  EXPECT_EQ(*folders_.AddOne({.folder = ExampleModels() / "identity" / "."}), "identity");
}

TEST_F(ModelFoldersTest, LoadsATensorModelFromItsGraphAlone) {
  ASSERT_TRUE(folders_.AddAll(ExampleModels()));
  const auto model = folders_.Load("simple");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->task(), "tensor");
}

TEST_F(ModelFoldersTest, SaysWhatABrokenFolderLacks) {
  folder_.Write("empty/notes.txt", "");
  folder_.Write("bad name/model.onnx", "");
  ASSERT_TRUE(folders_.AddAll(folder_.path()));
  EXPECT_THAT(folders_.Load("empty").error().message, HasSubstr("empty has no model.onnx"));
  EXPECT_THAT(folders_.Load("bad name").error().message, HasSubstr("'bad name' is no name for a model"));
  EXPECT_EQ(folders_.Load("unheard").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace weir::app
