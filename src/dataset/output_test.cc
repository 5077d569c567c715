#include "dataset/output.h"

#include <fstream>
#include <sstream>

#include "base/test_folder.h"
#include "dataset/checkpoint.h"

namespace weir::dataset {
namespace {

using ::testing::HasSubstr;

class OutputTest : public ::testing::Test {
 protected:
  static std::string Read(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    return text.str();
  }
  Result<std::unique_ptr<Output>> Open(bool resume, const RunIdentity& identity = {}) {
    return Output::Open({.path = file_, .resume = resume}, *csv_, identity);
  }
  std::string Refusal(bool resume, const RunIdentity& identity = {}) {
    const auto opened = Open(resume, identity);
    return opened ? "opened" : opened.error().message;
  }

  const TestFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "out.csv";
  const std::filesystem::path checkpoint_ = folder_.path() / "out.csv.resume";
  const std::unique_ptr<const Format> csv_ = *MakeFormat(OutputFormat::kCsv, {.width = 1});
  const std::string head_ = csv_->Head(0);
};

TEST_F(OutputTest, CutsOffWhatCameAfterTheCheckpoint) {
  {
    auto output = Open(false);
    ASSERT_TRUE((*output)->Write("0,1,\n"));
    ASSERT_TRUE((*output)->Checkpoint({.records = 1, .failed = 1, .input_crc = 7}));
    ASSERT_TRUE((*output)->Write("1,2,\n2,"));
    ASSERT_TRUE((*output)->Flush());
  }
  EXPECT_EQ(Read(file_), head_ + "0,1,\n1,2,\n2,");
  auto output = Open(true);
  ASSERT_TRUE(output);
  EXPECT_EQ((*output)->begun().records, 1U);
  EXPECT_EQ((*output)->begun().failed, 1U);
  EXPECT_EQ((*output)->begun().input_crc, 7U);
  ASSERT_TRUE((*output)->Write("1,3,\n"));
  ASSERT_TRUE((*output)->Finish({.records = 2}));
  EXPECT_EQ(Read(file_), head_ + "0,1,\n1,3,\n");
  EXPECT_FALSE(std::filesystem::exists(checkpoint_));
}

TEST_F(OutputTest, CanGoOnFromTheVeryBeginning) {
  {
    const auto output = Open(false);
  }  // cut before the head was written
  EXPECT_EQ(Read(file_), "");
  const auto output = Open(true);
  ASSERT_TRUE(output);
  ASSERT_TRUE((*output)->Finish({}));
  EXPECT_EQ(Read(file_), head_);
}

TEST_F(OutputTest, ResumeBeginsWhatIsNotThere) { EXPECT_EQ(Refusal(true), "opened"); }

TEST_F(OutputTest, RefusesAFileThatIsShorterThanItsCheckpoint) {
  {
    ASSERT_TRUE((*Open(false))->Checkpoint({}));
  }
  {
    auto output = Open(true);
    ASSERT_TRUE((*output)->Checkpoint({}));
  }
  std::filesystem::resize_file(file_, 3);
  EXPECT_THAT(Refusal(true), HasSubstr("shorter than it was"));
}

TEST_F(OutputTest, OneProcessWritesAtATime) {
  const auto first = Open(false);
  ASSERT_TRUE(first);
  EXPECT_THAT(Refusal(true), HasSubstr("another process"));
}

TEST_F(OutputTest, SaysWhatDiffersFromTheRunThatWasCut) {
  const RunIdentity identity{.facts = {{"--top-k", "1"}, {"the input", "a"}}, .sample = {0.5F, 0.25F}};
  {
    ASSERT_TRUE(Open(false, identity));
  }
  RunIdentity other = identity;
  other.facts[0].second = "2";
  EXPECT_THAT(Refusal(true, other), HasSubstr("--top-k was '1' and is '2' now"));
  other = identity;
  other.facts.pop_back();
  EXPECT_THAT(Refusal(true, other), HasSubstr("another version"));
  other = identity;
  other.sample[1] = 0.26F;
  EXPECT_THAT(Refusal(true, other), HasSubstr("the model answers differently"));
  other.sample[1] = 0.2501F;
  EXPECT_EQ(Refusal(true, other), "opened");
}

TEST_F(OutputTest, RefusesACheckpointThatItCannotRead) {
  {
    ASSERT_TRUE(Open(false));
  }
  for (const char* text : {"", "{}", "[1]", "{\"version\":2}",
                           "{\"version\":1,\"records\":-1,\"failed\":0,\"input_crc\":0,\"bytes\":0}"}) {
    folder_.Write("out.csv.resume", text);
    EXPECT_THAT(Refusal(true), HasSubstr("is no checkpoint")) << text;
  }
}

TEST_F(OutputTest, ADiskThatIsFullIsTold) {
  auto output = Output::Open({.path = "/dev/full"}, *csv_, {});
  ASSERT_TRUE(output);
  const Status finished = (*output)->Finish({});
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().message, HasSubstr("/dev/full cannot be written: No space left"));
}

}  // namespace
}  // namespace weir::dataset
