#include "app/doctor.h"

#include <algorithm>

#include "base/test_folder.h"

namespace weir::app {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1U << 20;

Finding Of(const std::vector<Finding>& findings, std::string_view subject) {
  const auto found = std::ranges::find(findings, subject, &Finding::subject);
  return found == findings.end() ? Finding{} : *found;
}

const Machine kGood{.allowed_cores = 8, .cpu_quota = {}, .physical_memory = 8192 * kMiB, .memory_limit = {}};
const std::vector<CpuFeature> kModern = {{"sse4.2", true}, {"avx2", true}, {"avx512f", false}};

TEST(Doctor, WarnsOfAProcessorWithoutTheInstructionsThatMatter) {
  EXPECT_EQ(Of(ExamineMachine(kGood, kModern, {}), "processor").text, "sse4.2 avx2");
  const Finding old = Of(ExamineMachine(kGood, {{"sse4.2", true}, {"avx2", false}}, {}), "processor");
  EXPECT_EQ(old.health, Health::kWarn);
  EXPECT_EQ(old.text, "without avx2");
}

TEST(Doctor, WarnsOfMoreWorkersThanAContainerGrants) {
  Machine half = kGood;
  half.cpu_quota = 0.5;
  Config config;
  config.engine.deployment.workers = 2;
  const Finding cores = Of(ExamineMachine(half, kModern, config), "cores");
  EXPECT_EQ(cores.health, Health::kWarn);
  EXPECT_THAT(cores.text, HasSubstr("the time of 0.50 of the 8 allowed"));
  EXPECT_THAT(cores.advice, HasSubstr("set workers to 1"));
  EXPECT_EQ(Of(ExamineMachine(kGood, kModern, config), "cores").health, Health::kOk);
}

TEST(Doctor, WarnsOfLittleMemoryAndSaysWhoseLimitItIs) {
  Machine small = kGood;
  small.memory_limit = 128 * kMiB;
  const Finding memory = Of(ExamineMachine(small, kModern, {}), "memory");
  EXPECT_EQ(memory.health, Health::kWarn);
  EXPECT_THAT(memory.text, HasSubstr("128 MiB (limit of a control group; the machine has 8.0 GiB)"));
}

TEST(Doctor, FindsTheGraphOfAHubFolder) {
  const TestFolder folder;
  folder.Write("models/a/onnx/model.onnx", "graph");
  folder.Write("models/b/readme", "no graph");
  Config config;
  config.models = {folder.path() / "models"};
  const std::vector<Finding> findings = ExamineModels(config, false);
  EXPECT_EQ(Of(findings, "model a").health, Health::kOk);
  EXPECT_EQ(Of(findings, "model b").health, Health::kFail);
}

}  // namespace
}  // namespace weir::app
