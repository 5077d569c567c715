#include "base/machine.h"

#include <algorithm>

#include "base/test_folder.h"

namespace weir {
namespace {

constexpr std::uint64_t kMiB = 1U << 20;

class MachineTest : public ::testing::Test {
 protected:
  Machine Read(std::size_t allowed = 64) const { return ReadMachine(folder_.path(), allowed); }
  // A group's file, below where the hierarchy is mounted.
  void Write(const std::string& file, std::string_view content) const {
    folder_.Write("sys/fs/cgroup/" + file, content);
  }
  void Proc(std::string_view groups, std::string_view mounts) const {
    folder_.Write("proc/self/cgroup", groups);
    folder_.Write("proc/self/mountinfo", mounts);
  }
  void V2(const std::string& group, const std::string& mount_root = "/") const {
    Proc("0::" + group + "\n",
         "29 23 0:26 " + mount_root + " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
  }
  void V1(const std::string& group, const std::string& mount_root = "/") const {
    Proc("5:memory:" + group + "\n4:cpu,cpuacct:" + group + "\n1:name=systemd:/\n",
         "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n32 31 0:29 " + mount_root +
             " /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n33 31 0:30 " + mount_root +
             " /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  }
  const TestFolder folder_;
};

TEST_F(MachineTest, WithoutControlGroupsIsTheAllowedCores) {
  EXPECT_EQ(Read(3).cores(), 3U);
  EXPECT_FALSE(Read().cpu_quota);
  EXPECT_FALSE(Read().memory_limit);
  EXPECT_EQ(Read().memory(), std::numeric_limits<std::uint64_t>::max());
}

TEST_F(MachineTest, RoundsAQuotaOfVersionTwoUp) {
  V2("/app");
  Write("app/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(Read().cpu_quota.value(), 1.5);
  EXPECT_EQ(Read().cores(), 2U);
  EXPECT_EQ(Read(1).cores(), 1U);
  Write("app/cpu.max", "20000 100000\n");
  EXPECT_EQ(Read().cores(), 1U);
}

TEST_F(MachineTest, TakesMaxForNoLimit) {
  V2("/app");
  Write("app/cpu.max", "max 100000\n");
  Write("app/memory.max", "max\n");
  EXPECT_EQ(Read(6).cores(), 6U);
  EXPECT_FALSE(Read().memory_limit);
}

TEST_F(MachineTest, TakesTheTightestOfNestedGroups) {
  V2("/slice/pod/app");
  Write("slice/cpu.max", "800000 100000\n");
  Write("slice/pod/cpu.max", "300000 100000\n");
  Write("slice/pod/app/cpu.max", "max 100000\n");
  Write("slice/memory.max", "268435456\n");
  Write("slice/pod/app/memory.max", "536870912\n");
  EXPECT_EQ(Read().cores(), 3U);
  EXPECT_EQ(Read().memory_limit, 256 * kMiB);
}

TEST_F(MachineTest, ReadsTheMountThatShowsOnlyOurOwnGroup) {
  V2("/kubepods/pod1/c1", "/kubepods/pod1/c1");
  Write("cpu.max", "400000 100000\n");
  EXPECT_EQ(Read().cores(), 4U);
  // A group elsewhere, as a process sees that was moved after its mounts were made.
  V2("/../other", "/kubepods");
  EXPECT_EQ(Read().cores(), 4U);
}

TEST_F(MachineTest, ReadsVersionOne) {
  V1("/docker/abc");
  Write("cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "250000\n");
  Write("cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  Write("cpu,cpuacct/docker/cpu.cfs_quota_us", "-1\n");
  Write("cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n");
  Write("memory/docker/abc/memory.limit_in_bytes", "134217728\n");
  Write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(Read().cores(), 3U);
  EXPECT_EQ(Read().memory_limit, 128 * kMiB);
}

TEST_F(MachineTest, TakesTheHugeNumberOfVersionOneForNoLimit) {
  V1("/");
  Write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_FALSE(Read().memory_limit);
}

TEST_F(MachineTest, IsNotMisledByGarbage) {
  Proc("nonsense\n1:\n::\n0::/app\n", "short line\n1 2 3 4 5 6 7 8 9\n29 23 0:26 / /sys/fs/cgroup rw - cgroup2 c rw\n");
  for (const std::string_view garbage : {"", "\n", "100000\n", "-5 100000", "10 0", "x y", "1 2 3"}) {
    Write("app/cpu.max", garbage);
    EXPECT_EQ(Read(5).cores(), 5U) << garbage;
  }
}

TEST_F(MachineTest, MemoryIsTheSmallerOfThePhysicalAndTheLimit) {
  folder_.Write("proc/meminfo", "MemFree: 1 kB\nMemTotal:        1048576 kB\n");
  EXPECT_EQ(Read().memory(), 1024 * kMiB);
  V2("/");
  Write("memory.max", "268435456\n");
  EXPECT_EQ(Read().memory(), 256 * kMiB);
  Write("memory.max", "99999999999999\n");
  EXPECT_EQ(Read().memory(), 1024 * kMiB);
}

TEST(ShareOfMemory, IsTheWishOnALargeMachineAndAShareOfASmallOne) {
  const Machine small{.allowed_cores = 1, .cpu_quota = {}, .physical_memory = 512 * kMiB, .memory_limit = {}};
  EXPECT_EQ(ShareOfMemory(small, 4, 1024 * kMiB), 128 * kMiB);
  EXPECT_EQ(ShareOfMemory(small, 4, 64 * kMiB), 64 * kMiB);
  EXPECT_EQ(ShareOfMemory({}, 4, 64 * kMiB), 64 * kMiB);
  EXPECT_EQ(ShareOfMemory({.allowed_cores = 1, .cpu_quota = {}, .physical_memory = 1, .memory_limit = {}}, 4, kMiB),
            kMiB);
}

TEST(ThisMachine, HasACoreAndSomeMemory) {
  EXPECT_GE(ThisMachine().cores(), 1U);
  EXPECT_GT(ThisMachine().physical_memory, 64 * kMiB);
}

}  // namespace
}  // namespace weir
