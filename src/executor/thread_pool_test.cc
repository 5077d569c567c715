#include "executor/thread_pool.h"

namespace weir {
namespace {

TEST(ThreadPool, RunsTasksInTheOrderOfTheirArrival) {
  std::vector<int> order;
  {
    ThreadPool pool(1, "test");
    for (int i = 0; i < 100; ++i) pool.Submit([&order, i] { order.push_back(i); });
  }
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(ThreadPool, RunsTasksAtTheSameTimeOnSeveralThreads) {
  std::latch both(2);
  {
    ThreadPool pool(2, "test");
    // Each waits for the other: on one thread this would never end.
    pool.Submit([&both] { both.arrive_and_wait(); });
    pool.Submit([&both] { both.arrive_and_wait(); });
  }
  EXPECT_TRUE(both.try_wait());
}

TEST(ThreadPool, RunsWhatWasSubmittedBeforeItIsDestroyed) {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(2, "test");
    for (int i = 0; i < 1000; ++i) pool.Submit([&ran] { ++ran; });
  }
  EXPECT_EQ(ran, 1000);
}

}  // namespace
}  // namespace weir
