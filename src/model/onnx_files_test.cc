#include "model/onnx_files.h"

#include "base/test_folder.h"

namespace weir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Paths = std::vector<std::string>;

constexpr CpuTraits kServer{.avx2 = true, .avx512 = true, .avx512_vnni = true};
constexpr CpuTraits kLaptop{.avx2 = true};
constexpr CpuTraits kArm{.arm64 = true};

std::string Chosen(const Paths& paths, const std::string& wanted = "", const CpuTraits& cpu = kLaptop) {
  const Result<OnnxChoice> choice = ChooseOnnxFile(paths, wanted, cpu);
  return choice ? choice->file : "refused: it " + choice.error().message;
}

TEST(ChooseOnnxFile, TakesModelOnnxBeforeAllOthersAndSaysWhy) {
  const Result<OnnxChoice> choice =
      ChooseOnnxFile(Paths{"onnx/model.onnx", "model_optimized.onnx", "model.onnx", "head.onnx"}, "", kLaptop);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->file, "model.onnx");
  EXPECT_EQ(choice->why, "model.onnx comes first");
  EXPECT_FALSE(choice->lossy);
  std::vector<std::string> order;
  for (const OnnxCandidate& one : choice->considered) order.push_back(one.file);
  EXPECT_THAT(order, ElementsAre("model.onnx", "onnx/model.onnx", "model_optimized.onnx"));
}

// The files of a sentence-transformers repository, taken away one by one.
TEST(ChooseOnnxFile, GoesDownTheDocumentedOrder) {
  const Paths order = {"model.onnx",
                       "onnx/model.onnx",
                       "model_fp32.onnx",
                       "onnx/model_fp32.onnx",
                       "onnx/model_optimized.onnx",
                       "onnx/model_O2.onnx",
                       "onnx/model_O1.onnx",
                       "onnx/model_O3.onnx",
                       "onnx/model_new.onnx",
                       "onnx/model_qint8_avx512_vnni.onnx",
                       "onnx/model_qint8_avx512.onnx",
                       "onnx/model_quint8_avx2.onnx",
                       "onnx/model_int8.onnx",
                       "onnx/model_quantized.onnx",
                       "onnx/model_uint8.onnx",
                       "onnx/model_O4.onnx",
                       "onnx/model_fp16.onnx",
                       "onnx/model_bnb4.onnx",
                       "onnx/model_q4.onnx",
                       "onnx/model_q4f16.onnx"};
  Paths left = order;
  std::ranges::sort(left);
  for (const std::string& next : order) {
    EXPECT_EQ(Chosen(left, "", kServer), next);
    std::erase(left, next);
  }
}

TEST(ChooseOnnxFile, NeverTakesALossyGraphWhereALosslessOneIs) {
  const Paths lossless = {"model.onnx", "onnx/model.onnx", "model_O3.onnx", "onnx/model_fp32.onnx"};
  const Paths lossy = {"model_quantized.onnx", "model_qint8_avx512_vnni.onnx", "onnx/model_fp16.onnx", "model_O4.onnx",
                       "model_q4.onnx"};
  for (const std::string& good : lossless) {
    for (const std::string& bad : lossy) EXPECT_EQ(Chosen({bad, good}, "", kServer), good);
  }
  for (const std::string& bad : lossy) {
    const Result<OnnxChoice> choice = ChooseOnnxFile(Paths{bad}, "", kServer);
    ASSERT_TRUE(choice) << bad;
    EXPECT_TRUE(choice->lossy) << bad;
    EXPECT_THAT(choice->why, HasSubstr("no graph of full precision"));
  }
}

TEST(ChooseOnnxFile, TakesAGraphForAProcessorOnlyWhereItFits) {
  const Paths paths = {"onnx/model_qint8_arm64.onnx", "onnx/model_qint8_avx512_vnni.onnx",
                       "onnx/model_quint8_avx2.onnx"};
  EXPECT_EQ(Chosen(paths, "", kServer), "onnx/model_qint8_avx512_vnni.onnx");
  EXPECT_EQ(Chosen(paths, "", kLaptop), "onnx/model_quint8_avx2.onnx");
  EXPECT_EQ(Chosen(paths, "", kArm), "onnx/model_qint8_arm64.onnx");
  EXPECT_THAT(Chosen({paths[0]}, "", kServer), HasSubstr("for this processor, only onnx/model_qint8_arm64.onnx"));
  EXPECT_EQ(Chosen({paths[0], "onnx/model_q4.onnx"}, "", kServer), "onnx/model_q4.onnx");
  EXPECT_EQ(Chosen({paths[0]}, paths[0], kServer), paths[0]) << "unless it is asked for";
}

TEST(ChooseOnnxFile, TakesWhatIsAskedForAndKnowsWhetherItIsLossy) {
  const Paths paths = {"model.onnx", "onnx/model_quantized.onnx", "special.onnx", "a/x.onnx", "b/x.onnx"};
  EXPECT_EQ(Chosen(paths, "special.onnx"), "special.onnx");
  EXPECT_EQ(Chosen(paths, "model_quantized.onnx"), "onnx/model_quantized.onnx");
  EXPECT_TRUE(ChooseOnnxFile(paths, "model_quantized.onnx", kLaptop)->lossy);
  EXPECT_FALSE(ChooseOnnxFile(paths, "model.onnx", kLaptop)->lossy);
  EXPECT_THAT(Chosen(paths, "x.onnx"), HasSubstr("more than one file 'x.onnx': a/x.onnx, b/x.onnx"));
}

TEST(ChooseOnnxFile, NamesTheNearestWhenTheAskedForIsNotThere) {
  EXPECT_THAT(Chosen({"model.onnx", "onnx/model_quantized.onnx"}, "onnx/model_quantised.onnx"),
              HasSubstr("no graph 'onnx/model_quantised.onnx' (did you mean 'onnx/model_quantized.onnx'?)"));
  EXPECT_THAT(Chosen({"model.onnx"}, "xyz"), HasSubstr("it has model.onnx"));
  EXPECT_THAT(Chosen({"config.json"}, "model.onnx"), HasSubstr("it has no .onnx file"));
  EXPECT_EQ(ChooseOnnxFile(Paths{"config.json"}, "config.json", kLaptop).error().code, Code::kNotFound)
      << "only graphs can be asked for";
}

TEST(ChooseOnnxFile, SaysWhatIsMissingAndWhichOtherGraphsThereAre) {
  EXPECT_EQ(Chosen({"config.json"}), "refused: it has no model.onnx, nor another model*.onnx, there or in onnx/");
  EXPECT_THAT(Chosen({"decoder_model.onnx"}), HasSubstr("(decoder_model.onnx) is taken when --file names it"));
  EXPECT_THAT(Chosen({"deep/model.onnx"}), HasSubstr("(deep/model.onnx)"));
}

TEST(ExternalDataNames, FindsTheFilesThatBelongToAGraph) {
  const Paths paths = {"model.onnx_data",
                       "model.onnx_data_1",
                       "model.onnx.data",
                       "model_data",
                       "model.data",
                       "onnx/model.onnx_data",
                       "model_data.json",
                       "model_quantized.onnx_data",
                       "model.onnx_database.db",
                       "model.onnx"};
  EXPECT_THAT(ExternalDataNames(paths, "model.onnx"),
              ElementsAre("model.onnx_data", "model.onnx_data_1", "model.onnx.data", "model_data", "model.data"));
  EXPECT_THAT(ExternalDataNames(paths, "onnx/model.onnx"), ElementsAre("onnx/model.onnx_data"));
  EXPECT_THAT(ExternalDataNames(paths, "model_quantized.onnx"), ElementsAre("model_quantized.onnx_data"));
  EXPECT_THAT(ExternalDataNames(paths, "model_q4.onnx"), IsEmpty());
}

TEST(ListModelFiles, ListsTheFolderAndItsSubFoldersAndFollowsLinks) {
  const TestFolder folder;
  folder.Write("blobs/deep/x", "");
  const std::filesystem::path blob = folder.Write("blobs/b1", "graph");
  folder.Write("m/config.json", "{}");
  folder.Write("m/onnx/model_O1.onnx", "");
  folder.Write("m/onnx/deeper/model.onnx", "");
  folder.Write("m/.cache/model.onnx", "");
  std::filesystem::create_symlink(blob, folder.path() / "m/onnx/model.onnx");
  std::filesystem::create_symlink("nowhere", folder.path() / "m/dangling.onnx");
  std::filesystem::create_symlink(".", folder.path() / "m/circle");
  std::filesystem::create_directory(folder.path() / "m/model.onnx");
  const Result<Paths> files = ListModelFiles(folder.path() / "m");
  ASSERT_TRUE(files);
  EXPECT_THAT(*files, ElementsAre("circle/config.json", "circle/model.onnx", "config.json", "model.onnx",
                                  "onnx/model.onnx", "onnx/model_O1.onnx"));
}

TEST(GraphBytes, CountsTheExternalDataToo) {
  const TestFolder folder;
  folder.Write("onnx/model.onnx", "12345");
  folder.Write("onnx/model.onnx_data", "123");
  folder.Write("onnx/model_q4.onnx", "1");
  folder.Write("model.onnx_data", "1234567");
  EXPECT_EQ(GraphBytes(folder.path(), "onnx/model.onnx"), 8U);
  EXPECT_EQ(GraphBytes(folder.path() / "onnx", "model.onnx"), 8U);
  EXPECT_EQ(GraphBytes(folder.path(), "gone.onnx"), 0U);
}

TEST(ListModelFiles, RefusesWhatIsNoModelFolder) {
  const TestFolder folder;
  EXPECT_EQ(ListModelFiles(folder.path() / "gone").error().code, Code::kNotFound);
  for (int i = 0; i <= 10'000; ++i) std::ofstream(folder.path() / std::to_string(i));
  EXPECT_THAT(ListModelFiles(folder.path()).error().message, HasSubstr("more than 10000 files"));
}

}  // namespace
}  // namespace weir
