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

TEST(ThreadPool, GrowsWhileATaskHoldsAThreadUp) {
  struct Round {
    std::latch begun{1};
    std::latch ran{1};
    std::latch let_go{1};
  };
  std::array<Round, 3> rounds;  // the tasks use them until they end
  ThreadPool pool(1, "test");
  for (Round& round : rounds) {
    pool.Submit([&] {
      round.begun.count_down();
      round.let_go.wait();
      pool.Shrink();
    });
    round.begun.wait();
    pool.Grow();
    pool.Submit([&round] { round.ran.count_down(); });  // would wait for the first one
    round.ran.wait();
    round.let_go.count_down();
  }
}

TEST(ThreadPool, IsAsLargeAsBeforeOnceItHasShrunk) {
  ThreadPool pool(1, "test");
  for (int i = 0; i < 100; ++i) {
    pool.Grow();
    pool.Shrink();
  }
  std::atomic<int> under_way = 0;
  std::atomic<int> most = 0;
  std::latch done(50);
  for (int i = 0; i < 50; ++i) {
    pool.Submit([&] {
      most = std::max(most.load(), ++under_way);
      std::this_thread::yield();
      --under_way;
      done.count_down();
    });
  }
  done.wait();
  EXPECT_EQ(most, 1);
}

}  // namespace
}  // namespace weir
