#include "engine/prediction_cache.h"

namespace weir {
namespace {

using ::testing::ElementsAre;

PendingJob JobOf(std::int64_t token, std::vector<float>* answers = nullptr, std::uint32_t method = 1) {
  Tensor ids = Tensor::Uninitialised(DataType::kInt64, {1});
  ids.Mutable<std::int64_t>()[0] = token;
  PendingJob job;
  job.request.method = method;
  job.request.inputs = {std::move(ids)};
  job.callback = [answers](Result<Output> output) {
    if (answers != nullptr && output) answers->push_back(output->tensors[0].As<float>()[0]);
  };
  return job;
}

std::vector<Tensor> Answer(float value, std::int64_t size = 1) {
  Tensor tensor = Tensor::Uninitialised(DataType::kFp32, {size});
  std::ranges::fill(tensor.Mutable<float>(), value);
  return {std::move(tensor)};
}

// Whether the cache has this token's answer; when it has not, it is given one.
std::optional<float> Ask(PredictionCache& cache, std::int64_t token, std::int64_t size = 1) {
  PendingJob job = JobOf(token);
  auto found = cache.Find(job);
  if (found.answer) return (*found.answer)[0].As<float>()[0];
  const std::vector<Tensor> answer = Answer(static_cast<float>(token), size);
  cache.Land(*found.flight, &answer, false);
  return std::nullopt;
}

TEST(PredictionCache, GivesAnAnswerAgainForTheSameInputsAndMethodAlone) {
  PredictionCache cache(1 << 20);
  EXPECT_EQ(Ask(cache, 7), std::nullopt);
  EXPECT_EQ(Ask(cache, 7), 7.0F);
  EXPECT_EQ(Ask(cache, 8), std::nullopt);
  PendingJob other = JobOf(7, nullptr, 2);
  EXPECT_TRUE(cache.Find(other).flight);
  PendingJob longer = JobOf(7);
  longer.request.inputs.push_back(longer.request.inputs[0]);
  EXPECT_TRUE(cache.Find(longer).flight);
}

TEST(PredictionCache, EqualJobsWaitForTheFirstOfThem) {
  PredictionCache cache(1 << 20);
  PendingJob first = JobOf(1);
  const auto led = cache.Find(first);
  ASSERT_TRUE(led.flight);
  std::vector<float> answers;
  for (int i = 0; i < 99; ++i) {
    PendingJob job = JobOf(1, &answers);
    const auto found = cache.Find(job);
    EXPECT_FALSE(found.flight || found.answer);
  }
  const std::vector<Tensor> answer = Answer(5);
  std::vector<PendingJob> waiting = cache.Land(*led.flight, &answer, false);
  ASSERT_EQ(waiting.size(), 99U);
  EXPECT_EQ(Ask(cache, 1), 5.0F);
}

TEST(PredictionCache, TheNextInLineGoesOnWhenTheFirstGivesUp) {
  PredictionCache cache(1 << 20);
  PendingJob first = JobOf(1);
  PendingJob second = JobOf(1);
  PendingJob third = JobOf(1);
  const auto led = cache.Find(first);
  cache.Find(second);
  cache.Find(third);
  EXPECT_EQ(cache.Land(*led.flight, nullptr, true).size(), 1U);
  PendingJob fourth = JobOf(1);
  EXPECT_FALSE(cache.Find(fourth).flight);  // it is still under way
  EXPECT_EQ(cache.Land(*led.flight, nullptr, false).size(), 2U);
  PendingJob fifth = JobOf(1);
  EXPECT_TRUE(cache.Find(fifth).flight);  // an error is not kept
}

TEST(PredictionCache, KeepsTheLastUsedWithinItsBytes) {
  constexpr std::uint64_t kMost = 64 << 10;
  PredictionCache cache(kMost);
  for (std::int64_t token = 0; token < 5000; ++token) {
    Ask(cache, token);
    EXPECT_EQ(Ask(cache, 0), token == 0 ? std::optional(0.0F) : 0.0F);  // used, it stays
    ASSERT_LE(cache.bytes(), kMost);
  }
  EXPECT_GT(cache.bytes(), kMost / 2);
  EXPECT_EQ(Ask(cache, 4999), 4999.0F);
  EXPECT_EQ(Ask(cache, 1), std::nullopt);  // long ago
  Ask(cache, 9000, 100'000);               // larger than a share of it all
  EXPECT_EQ(Ask(cache, 9000, 100'000), std::nullopt);
}

TEST(PredictionCache, KeepsNoPartOfABatchAlive) {
  PredictionCache cache(1 << 20);
  auto batch = std::make_shared<std::array<float, 4>>(std::array<float, 4>{1, 2, 3, 4});
  PendingJob job = JobOf(1);
  const auto found = cache.Find(job);
  const std::vector<Tensor> row = {Tensor::Wrap(DataType::kFp32, {2}, batch, batch->data() + 2)};
  cache.Land(*found.flight, &row, false);
  EXPECT_EQ(batch.use_count(), 2);  // here and in `row`
  PendingJob again = JobOf(1);
  EXPECT_THAT((*cache.Find(again).answer)[0].As<float>(), ElementsAre(3, 4));
}

}  // namespace
}  // namespace weir
