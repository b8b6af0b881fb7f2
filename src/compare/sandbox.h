// Running what a model wrote, where it can harm nobody.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dsa::compare {

struct SandboxLimits {
  std::chrono::milliseconds time{10'000};
  std::int64_t memory_bytes = std::int64_t{512} << 20;  // of addresses
  std::int64_t disk_bytes = std::int64_t{16} << 20;     // under /tmp, in memory
  std::size_t output_bytes = 256 << 10;                 // stdout and stderr together
};

enum class SandboxEnd : std::uint8_t { exited, timed_out, too_much_output, cancelled };

struct SandboxResult {
  SandboxEnd end = SandboxEnd::exited;
  int status = 0;      // of an exit; 128 and the signal's number if one ended it
  std::string output;  // stdout and stderr as they came, up to the limit
};

/// Files that the program finds under /code: name and text.
using SandboxFiles = std::vector<std::pair<std::string, std::string>>;

/// Runs `python3 -I /code/MAIN` by bubblewrap (Debian: bubblewrap) with nothing of ours in sight but /usr,
/// read-only: no network, no files but `files` and an empty /tmp, no /proc, no environment, no other process,
/// none of its own beside it (fork is refused), no rights to gain.  When the time is over all of it is ended.
class Sandbox {
 public:
  /// Throws Error that says what to do if bubblewrap or python3 is not there, or cannot run here.
  explicit Sandbox(const SandboxLimits& limits = {});

  SandboxResult run(const SandboxFiles& files, const std::string& main,
                    const std::atomic<bool>& cancel) const;

 private:
  SandboxLimits limits_;
};

}  // namespace dsa::compare
