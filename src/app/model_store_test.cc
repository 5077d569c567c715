#include "app/model_store.h"

#include "app/pull_plan.h"
#include "base/test_folder.h"

namespace weir::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Paths = std::vector<std::string>;

TEST(PlanPull, TakesTheGraphLastAndWhatBelongsToIt) {
  const Paths files = {"model.onnx",
                       "model.onnx_data",
                       "config.json",
                       "1_Pooling/config.json",
                       "tokenizer.json",
                       "vocab.txt",
                       "2_Dense/model.safetensors",
                       "model.safetensors",
                       "0_Transformer/model.safetensors",
                       "x/1_Pooling/config.json",
                       "_Pooling/config.json",
                       "README.md"};
  const Result<PullPlan> plan = PlanPull(files, "");
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->files, ElementsAre("config.json", "1_Pooling/config.json", "tokenizer.json",
                                       "2_Dense/model.safetensors", "model.onnx_data", "model.onnx"));
}

TEST(PlanPull, TakesTheVocabularyOnlyWithoutATokenizerJson) {
  EXPECT_THAT(PlanPull(Paths{"model.onnx", "vocab.txt"}, "")->files, ElementsAre("vocab.txt", "model.onnx"));
}

TEST(PlanPull, TakesWeightsOnlyWhenAsked) {
  const Paths files = {"config.json", "model.safetensors"};
  EXPECT_THAT(PlanPull(files, "").error().message, HasSubstr("has no model.onnx"));
  const Result<PullPlan> plan = PlanPull(files, kSafetensors);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->graph.file, "");
  EXPECT_THAT(plan->files, ElementsAre("config.json", "model.safetensors"));
}

class ModelStoreTest : public ::testing::Test {
 protected:
  const TestFolder folder_;
  const std::filesystem::path source_ = folder_.Write("source/model.onnx", "graph").parent_path();
  const ModelStore store_{(folder_.Write("models/.keep", "")).parent_path()};
};

TEST_F(ModelStoreTest, PlacesAndListsEveryKind) {
  folder_.Write("source/onnx/model.onnx", "other graph");
  ASSERT_TRUE(store_.PlaceLink("link", source_));
  ASSERT_TRUE(store_.PlaceFiles("files", source_, Paths{"onnx/model.onnx"}));
  ASSERT_TRUE(store_.PlaceCopy("copy", source_, Paths{"model.onnx"}));
  const auto models = store_.List();
  ASSERT_TRUE(models);
  ASSERT_EQ(models->size(), 3U);
  EXPECT_EQ((*models)[0].source, "folder");
  EXPECT_EQ((*models)[1].source, "links to files");
  EXPECT_EQ((*models)[1].file, "onnx/model.onnx");
  EXPECT_EQ((*models)[1].bytes, 11U);
  EXPECT_EQ((*models)[2].source, "link to " + source_.string());
}

TEST_F(ModelStoreTest, LeavesNothingBehindWhenAFileCannotBePlaced) {
  EXPECT_THAT(store_.PlaceCopy("m", source_, Paths{"model.onnx", "gone"}).error().message, HasSubstr("gone"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path() / "models"), {}), 1);
}

TEST_F(ModelStoreTest, ReplacesOnlyItsOwnLinks) {
  ASSERT_TRUE(store_.PlaceLink("m", source_));
  EXPECT_TRUE(store_.PlaceLink("m", source_));
  const auto other = folder_.Write("sourcerer/model.onnx", "graph").parent_path();
  EXPECT_EQ(store_.PlaceLink("m", other).error().code, Code::kConflict);
  EXPECT_EQ(store_.PlaceFiles("m", folder_.path() / "sour", Paths{}).error().code, Code::kConflict);
}

TEST_F(ModelStoreTest, ReplacesOneCommitByAnother) {
  const std::string old_commit = "hub/models--org--name/snapshots/" + std::string(40, 'a');
  const std::string new_commit = "hub/models--org--name/snapshots/" + std::string(40, 'b');
  const std::string other = "hub/models--org--other/snapshots/" + std::string(40, 'a');
  for (const std::string& place : {old_commit, new_commit, other}) folder_.Write(place + "/model.onnx", "graph");
  const Paths files = {"model.onnx"};
  ASSERT_TRUE(store_.PlaceFiles("m", folder_.path() / old_commit, files));
  EXPECT_EQ(store_.Look("m").source, "hf:org/name@aaaaaaaaaaaa");
  ASSERT_TRUE(store_.PlaceFiles("m", folder_.path() / new_commit, files));
  EXPECT_EQ(store_.Look("m").source, "hf:org/name@bbbbbbbbbbbb");
  EXPECT_EQ(store_.PlaceFiles("m", folder_.path() / other, files).error().code, Code::kConflict);
}

TEST_F(ModelStoreTest, TakesWhatAServerMeasuredForNoFileOfOnesOwn) {
  ASSERT_TRUE(store_.PlaceFiles("m", source_, Paths{"model.onnx"}));
  folder_.Write("models/m/weir-profile.json", "{}");
  EXPECT_EQ(store_.Look("m").source, "links to files");
  EXPECT_TRUE(store_.Remove("m", false));
}

TEST_F(ModelStoreTest, RemovesOnlyInsideItsFolder) {
  for (const char* name : {"", ".", "..", "../source", "/tmp", ".keep", "gone"}) {
    EXPECT_EQ(store_.Remove(name, true).error().code, Code::kNotFound) << name;
  }
  EXPECT_TRUE(std::filesystem::exists(source_ / "model.onnx"));
  folder_.Write("models/own/model.onnx", "graph");
  EXPECT_EQ(store_.Remove("own", false).error().code, Code::kConflict);
  EXPECT_TRUE(store_.Remove("own", true));
  ASSERT_TRUE(store_.PlaceLink("link", source_));
  EXPECT_THAT(*store_.Remove("link", false), HasSubstr("untouched"));
  EXPECT_TRUE(std::filesystem::exists(source_ / "model.onnx"));
}

}  // namespace
}  // namespace weir::app
