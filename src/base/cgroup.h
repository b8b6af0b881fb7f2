// What this process may use of the machine: control groups, version 1 and 2, and their parents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace dsa {

/// `root` is the folder that has proc and sys: "/", or in tests one that is made up.  A group that cannot be
/// read limits nothing.

/// Whole cores, rounded up, of the tightest CPU quota; nullopt: no quota.
std::optional<int> cpu_quota(const std::filesystem::path& root);

/// Bytes that can still be had before the machine or a group runs out: the least of what the system calls
/// available and of every group's limit less its use, file pages that can be dropped not counted as used.
/// nullopt: not known.
std::optional<std::int64_t> memory_left(const std::filesystem::path& root);

}  // namespace dsa
