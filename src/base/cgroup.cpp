#include "base/cgroup.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace dsa {
namespace {

namespace fs = std::filesystem;

std::optional<std::int64_t> read_number(const fs::path& file) {
  std::ifstream in(file);
  std::int64_t value = 0;
  if (in >> value) return value;  // not "max"
  return std::nullopt;
}

// The number after a word: of "key value" lines, or "MemAvailable: 123 kB".
std::optional<std::int64_t> read_entry(const fs::path& file, std::string_view key) {
  std::ifstream in(file);
  std::string word;
  while (in >> word) {
    std::int64_t value = 0;
    if (word == key && in >> value) return value;
    in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

bool lists(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const auto comma = controllers.find(',');
    if (controllers.substr(0, comma) == wanted) return true;
    controllers.remove_prefix(comma == std::string_view::npos ? controllers.size() : comma + 1);
  }
  return false;
}

// The group and its parents, below and with the folder where their hierarchy is mounted.  In a container the
// path may be the host's and not be there: what is there limits this process too.
void add_with_parents(const fs::path& mount, const fs::path& group, std::vector<fs::path>& out) {
  for (fs::path path = group.relative_path(); !path.empty(); path = path.parent_path())
    out.push_back(mount / path);
  out.push_back(mount);
}

struct Groups {
  std::vector<fs::path> v1, v2;
};

Groups groups_of(const fs::path& root, std::string_view controller) {
  Groups out;
  const fs::path mounts = root / "sys/fs/cgroup";
  std::ifstream in(root / "proc/self/cgroup");  // "4:cpu,cpuacct:/path", version 2 "0::/path"
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1),
                      path = line.substr(second + 1);
    if (controllers.empty()) {
      add_with_parents(mounts, path, out.v2);
      add_with_parents(mounts / "unified", path, out.v2);  // beside version 1
    } else if (lists(controllers, controller)) {
      add_with_parents(mounts / controllers, path, out.v1);
      add_with_parents(mounts / controller, path, out.v1);
    }
  }
  return out;
}

}  // namespace

std::optional<int> cpu_quota(const fs::path& root) {
  std::optional<int> least;
  const auto note = [&](std::int64_t quota, std::int64_t period) {
    if (quota <= 0 || period <= 0) return;  // version 1 says -1 for none
    const std::int64_t cores = std::min<std::int64_t>((quota - 1) / period + 1, 1 << 20);
    least = std::min(least.value_or(1 << 20), static_cast<int>(cores));
  };
  const Groups groups = groups_of(root, "cpu");
  for (const fs::path& group : groups.v2) {
    std::ifstream in(group / "cpu.max");  // "max 100000" or "150000 100000"
    std::int64_t quota = 0, period = 0;
    if (in >> quota >> period) note(quota, period);
  }
  for (const fs::path& group : groups.v1)
    note(read_number(group / "cpu.cfs_quota_us").value_or(-1),
         read_number(group / "cpu.cfs_period_us").value_or(-1));
  return least;
}

std::optional<std::int64_t> memory_left(const fs::path& root) {
  std::optional<std::int64_t> least;
  const auto note = [&](std::int64_t bytes) {
    bytes = std::max<std::int64_t>(bytes, 0);
    least = std::min(least.value_or(bytes), bytes);
  };
  const auto note_group = [&](const fs::path& group, const char* limit, const char* use, const char* cached) {
    const auto most = read_number(group / limit), used = read_number(group / use);
    if (most && used) note(*most - *used + read_entry(group / "memory.stat", cached).value_or(0));
  };
  if (const auto kilobytes = read_entry(root / "proc/meminfo", "MemAvailable:")) note(*kilobytes * 1024);
  const Groups groups = groups_of(root, "memory");
  for (const fs::path& group : groups.v2) note_group(group, "memory.max", "memory.current", "inactive_file");
  for (const fs::path& group : groups.v1)
    note_group(group, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
  return least;
}

}  // namespace dsa
