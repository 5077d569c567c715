#include "app/model_folder.h"

#include "base/test_folder.h"
#include "base/test_paths.h"
#include "model/onnx/onnx_backend.h"

namespace weir::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

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

class VersionFoldersTest : public ModelFoldersTest {
 protected:
  void Copy(const std::string& model, const std::string& place) {
    fs::create_directories(folder_.path() / place);
    fs::copy_file(ExampleModels() / model / "model.onnx", folder_.path() / place / "model.onnx",
                  fs::copy_options::overwrite_existing);
  }
  // What has come to rest since the last call.
  ModelChanges Rescan() {
    bool pending = false;
    folders_.Rescan(pending);
    ModelChanges changes = folders_.Rescan(pending);
    EXPECT_FALSE(pending);
    return changes;
  }
};

TEST_F(VersionFoldersTest, AreSubFoldersWithPositiveNumbers) {
  for (const char* file :
       {"m/2/model.onnx", "m/10/model.onnx", "m/03/model.onnx", "m/0/model.onnx", "m/x/model.onnx", "m/config.json",
        "plain/model.onnx", "plain/7/model.onnx", "headed/1/model.onnx", "headed/head.onnx"}) {
    folder_.Write(file, "");
  }
  folder_.Write("m/4", "a file");
  ASSERT_TRUE(folders_.AddAll(folder_.path()));
  EXPECT_THAT(folders_.VersionsOf("m"), ElementsAre(10, 2));
  EXPECT_THAT(folders_.VersionsOf("plain"), ElementsAre(0));  // it has a graph of its own
  EXPECT_THAT(folders_.VersionsOf("headed"), ElementsAre(1));
  EXPECT_THAT(folders_.VersionsOf("unheard"), ::testing::IsEmpty());
}

TEST_F(VersionFoldersTest, HoldAGraphEach) {
  Copy("simple", "m/1");
  Copy("identity", "m/2");
  ASSERT_TRUE(folders_.AddAll(folder_.path()));
  EXPECT_EQ((*folders_.Load("m/1"))->manifest().inputs[0].shape.back(), 16);
  EXPECT_EQ((*folders_.Load("m/2"))->manifest().inputs[0].shape.back(), -1);
  EXPECT_EQ((*folders_.Load("m"))->manifest().inputs[0].shape.back(), -1);  // the newest
  EXPECT_EQ(folders_.GraphOf("m/1"), folder_.path() / "m/1/model.onnx");
  EXPECT_EQ(folders_.GraphOf("m"), folder_.path() / "m/2/model.onnx");
  EXPECT_FALSE(folders_.Load("m/3"));
}

TEST_F(VersionFoldersTest, ShareWhatLiesInTheModelsFolder) {
  const fs::path minilm = fs::canonical(DemoModels() / "minilm");
  for (const auto& entry : fs::directory_iterator(minilm)) {
    const std::string name = entry.path().filename().string();
    const fs::path place = folder_.path() / "m" / (name == "model.onnx" ? "1/model.onnx" : name);
    fs::create_directories(place.parent_path());
    fs::create_symlink(entry.path(), place);
  }
  ASSERT_TRUE(folders_.AddAll(folder_.path()));
  const auto model = folders_.Load("m/1");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->task(), "embedding");
}

TEST_F(VersionFoldersTest, ThatComeChangeAndGoAreToldOnceTheyHaveComeToRest) {
  Copy("simple", "m/1");
  ASSERT_TRUE(folders_.AddAll(folder_.path()));
  Copy("identity", "m/2");
  bool pending = false;
  EXPECT_TRUE(folders_.Rescan(pending).changed.empty());
  EXPECT_TRUE(pending);
  EXPECT_THAT(folders_.VersionsOf("m"), ElementsAre(1));
  ModelChanges changes = folders_.Rescan(pending);
  EXPECT_THAT(changes.changed, ElementsAre("m"));
  EXPECT_THAT(changes.renewed, ::testing::IsEmpty());  // it is new
  EXPECT_THAT(folders_.VersionsOf("m"), ElementsAre(2, 1));
  folder_.Write("m/1/notes.txt", "changed");
  changes = Rescan();
  EXPECT_THAT(changes.renewed, ElementsAre("m/1"));
  folder_.Write("m/labels.txt", "of all versions");
  EXPECT_THAT(Rescan().renewed, ElementsAre("m/2", "m/1"));
  fs::remove_all(folder_.path() / "m/2");
  changes = Rescan();
  EXPECT_THAT(changes.changed, ElementsAre("m"));
  EXPECT_THAT(changes.renewed, ::testing::IsEmpty());
  EXPECT_THAT(folders_.VersionsOf("m"), ElementsAre(1));
  fs::remove_all(folder_.path() / "m");
  EXPECT_THAT(Rescan().removed, ElementsAre("m"));
}

TEST_F(VersionFoldersTest, OfAModelThatComesMakeItKnownWithTheFirstThatIsWhole) {
  fs::create_directories(folder_.path() / "m");
  folder_.Write("m/config.json", "{}");
  ASSERT_TRUE(folders_.AddAll(folder_.path()));
  Copy("simple", "n/1");
  const ModelChanges changes = Rescan();
  EXPECT_THAT(changes.added, ElementsAre("n"));
  EXPECT_THAT(folders_.VersionsOf("n"), ElementsAre(1));
}

TEST_F(VersionFoldersTest, WhatWeirItselfWritesIsNoChange) {
  Copy("simple", "m");
  ASSERT_TRUE(folders_.AddAll(folder_.path()));
  folder_.Write("m/weir-profile.json", "{}");
  EXPECT_TRUE(Rescan().changed.empty());
}

}  // namespace
}  // namespace weir::app
