// Trees of files as the kernel shows them, made up.
#include "base/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <string>

namespace dsa {
namespace {

namespace fs = std::filesystem;

class Tree {
 public:
  explicit Tree(const std::map<std::string, std::string>& files)
      : root_(fs::temp_directory_path() / ("dsa_cgroup_" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    for (const auto& [name, text] : files) {
      fs::create_directories((root_ / name).parent_path());
      std::ofstream(root_ / name) << text;
    }
  }
  ~Tree() { fs::remove_all(root_); }
  [[nodiscard]] const fs::path& root() const { return root_; }

 private:
  fs::path root_;
};

TEST(CpuQuota, IsTheTightestOfTheGroupAndItsParents) {
  struct Case {
    const char* what;
    std::map<std::string, std::string> files;
    std::optional<int> cores;
  };
  const std::string cgroup = "proc/self/cgroup", sys = "sys/fs/cgroup/";
  const Case cases[] = {
      {"nothing is known", {}, std::nullopt},
      {"v2, no quota", {{cgroup, "0::/a\n"}, {sys + "a/cpu.max", "max 100000\n"}}, std::nullopt},
      {"v2, a container's root", {{cgroup, "0::/\n"}, {sys + "cpu.max", "150000 100000\n"}}, 2},
      {"v2, the group itself, as under systemd",
       {{cgroup, "0::/user.slice/job.scope\n"},
        {sys + "user.slice/job.scope/cpu.max", "100000 100000\n"},
        {sys + "user.slice/cpu.max", "max 100000\n"}},
       1},
      {"v2, a parent, as under Slurm",
       {{cgroup, "0::/slurm/job/step\n"},
        {sys + "slurm/job/step/cpu.max", "800000 100000\n"},
        {sys + "slurm/job/cpu.max", "300000 100000\n"}},
       3},
      {"v1",
       {{cgroup, "3:cpu,cpuacct:/docker/x\n1:name=systemd:/y\n"},
        {sys + "cpu,cpuacct/docker/x/cpu.cfs_quota_us", "50000\n"},
        {sys + "cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n"}},
       1},
      {"v1, the host's path is not there",
       {{cgroup, "3:cpu,cpuacct:/docker/x\n"},
        {sys + "cpu/cpu.cfs_quota_us", "400000\n"},
        {sys + "cpu/cpu.cfs_period_us", "100000\n"}},
       4},
      {"v1, -1 is no quota",
       {{cgroup, "3:cpu:/\n"},
        {sys + "cpu/cpu.cfs_quota_us", "-1\n"},
        {sys + "cpu/cpu.cfs_period_us", "100000\n"}},
       std::nullopt},
      {"another controller's group",
       {{cgroup, "3:cpuset:/a\n"}, {sys + "cpu/a/cpu.cfs_quota_us", "100000\n"}},
       std::nullopt},
      {"not numbers", {{cgroup, "0::/\n:\n\n"}, {sys + "cpu.max", "many few\n"}}, std::nullopt},
  };
  for (const Case& c : cases) EXPECT_EQ(cpu_quota(Tree(c.files).root()), c.cores) << c.what;
}

TEST(MemoryLeft, IsTheLeastOfTheMachineTheGroupAndItsParents) {
  struct Case {
    const char* what;
    std::map<std::string, std::string> files;
    std::optional<std::int64_t> bytes;
  };
  const std::string cgroup = "proc/self/cgroup", sys = "sys/fs/cgroup/", info = "proc/meminfo";
  const std::string available = "MemTotal:  9000 kB\nMemFree:  1 kB\nMemAvailable:  8000 kB\n";
  const Case cases[] = {
      {"nothing is known", {}, std::nullopt},
      {"no group", {{info, available}}, 8'192'000},
      {"v2, no limit", {{info, available}, {cgroup, "0::/a\n"}, {sys + "a/memory.max", "max\n"}}, 8'192'000},
      {"v2, a limit; file pages can be dropped",
       {{info, available},
        {cgroup, "0::/a\n"},
        {sys + "a/memory.max", "5000000\n"},
        {sys + "a/memory.current", "3000000\n"},
        {sys + "a/memory.stat", "anon 2000000\ninactive_file 1000000\n"}},
       3'000'000},
      {"v2, the parent has used up its own",
       {{info, available},
        {cgroup, "0::/a/b\n"},
        {sys + "a/memory.max", "5000000\n"},
        {sys + "a/memory.current", "6000000\n"}},
       0},
      {"v1",
       {{info, available},
        {cgroup, "9:memory:/x\n"},
        {sys + "memory/x/memory.limit_in_bytes", "4000000\n"},
        {sys + "memory/x/memory.usage_in_bytes", "1000000\n"}},
       3'000'000},
  };
  for (const Case& c : cases) EXPECT_EQ(memory_left(Tree(c.files).root()), c.bytes) << c.what;
}

}  // namespace
}  // namespace dsa
