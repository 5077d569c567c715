#include "text/text_folder.h"

#include "base/test_folder.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TextFolderTest : public ::testing::Test {
 protected:
  std::string Refusal() const {
    const auto read = ReadTextFolder(folder_.path());
    return read ? "accepted" : read.error().message;
  }
  const TestFolder folder_;
};

TEST_F(TextFolderTest, AnEmptyFolderHasTheDefaults) {
  const auto read = ReadTextFolder(folder_.path());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->max_tokens, 512U);
  EXPECT_EQ(read->pooling, Pooling::kMean);
  EXPECT_TRUE(read->normalize);
  EXPECT_TRUE(read->labels.empty());
}

TEST_F(TextFolderTest, ReadsLengthLabelsPoolingAndModules) {
  folder_.Write("config.json", R"({"max_position_embeddings": 128, "id2label": {"1": "good", "0": "bad"}})");
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false})");
  folder_.Write("modules.json", R"([{"type": "sentence_transformers.models.Transformer"},
                                    {"type": "sentence_transformers.models.Pooling"}])");
  const auto read = ReadTextFolder(folder_.path());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->max_tokens, 128U);
  EXPECT_THAT(read->labels, ElementsAre("bad", "good"));
  EXPECT_EQ(read->pooling, Pooling::kCls);
  EXPECT_FALSE(read->normalize);
}

TEST_F(TextFolderTest, RefusesLabelsWithGapsOrWrongIds) {
  folder_.Write("config.json", R"({"id2label": {"0": "bad", "2": "good"}})");
  EXPECT_THAT(Refusal(), HasSubstr("config.json: id2label[\"2\"] is not a label of a class 0..1"));
  folder_.Write("config.json", R"({"id2label": {"0": "bad", "one": "good"}})");
  EXPECT_THAT(Refusal(), HasSubstr("id2label[\"one\"]"));
  folder_.Write("config.json", R"({"id2label": ["bad", "good"]})");
  EXPECT_THAT(Refusal(), HasSubstr("id2label is not an object"));
}

TEST_F(TextFolderTest, RefusesWhatIsNotJsonAndNamesTheFile) {
  folder_.Write("config.json", "{\"a\": ");
  EXPECT_THAT(Refusal(), HasSubstr("config.json: not valid JSON"));
}

TEST_F(TextFolderTest, RefusesALengthThatIsNone) {
  for (const char* length : {"0", "-5", "\"many\"", "1e300"}) {
    folder_.Write("config.json", fmt::format("{{\"max_position_embeddings\": {}}}", length));
    EXPECT_THAT(Refusal(), HasSubstr("max_position_embeddings")) << length;
  }
}

TEST_F(TextFolderTest, RefusesAPoolingOrModuleThatIsNotServed) {
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode_lasttoken": true})");
  EXPECT_THAT(Refusal(), HasSubstr("asks for a pooling that is not served"));
  folder_.Write("1_Pooling/config.json", R"({"pooling_mode_mean_tokens": true})");
  folder_.Write("modules.json", R"([{"type": "sentence_transformers.models.Dense"}])");
  EXPECT_THAT(Refusal(), HasSubstr("module sentence_transformers.models.Dense is not served"));
}

}  // namespace
}  // namespace weir
