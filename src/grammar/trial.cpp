#include "grammar/trial.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <fstream>
#include <new>
#include <string>
#include <string_view>

#include "base/error.h"

namespace dsa {
namespace {

using Clock = std::chrono::steady_clock;

constexpr char kDone = 'd', kFailed = 'f', kNoMemory = 'm';  // what the child says first

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kBoundsMemory = false;  // a sanitizer maps what it likes
#else
constexpr bool kBoundsMemory = true;
#endif

std::size_t mapped_bytes() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void limit(decltype(RLIMIT_AS) resource, std::size_t most) {
  const rlimit both{.rlim_cur = most, .rlim_max = most};
  setrlimit(resource, &both);
}

void say(int to, char first, std::string_view text) {
  std::string all(1, first);
  all += text.substr(0, 4000);  // within what a pipe takes at once
  [[maybe_unused]] const auto written = write(to, all.data(), all.size());
}

// The child's life.  Nothing of the parent's is touched: neither its handlers of signals nor its sockets,
// which would stay open as long as the child has them.
[[noreturn]] void run_child(const std::function<void()>& work, int to, std::size_t memory,
                            std::chrono::milliseconds time) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_DFL);
  constexpr int kPipe = 3;
  if (to != kPipe) dup2(to, kPipe);
  close_range(kPipe + 1, ~0U, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, static_cast<std::size_t>(time.count() / 1000 + 1));
  if (kBoundsMemory) limit(RLIMIT_AS, memory);
  try {
    work();
    say(kPipe, kDone, "");
  } catch (const std::bad_alloc&) {
    say(kPipe, kNoMemory, "");
  } catch (const std::exception& error) {
    say(kPipe, kFailed, error.what());
  }
  _exit(0);
}

// All that the child says before it closes its end; what there is once time is up.
std::string listen(int from, Clock::time_point until) {
  std::string said;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd one{.fd = from, .events = POLLIN, .revents = 0};
    const int ready = poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return said;
    char bytes[4096];
    const auto got = read(from, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return said;
    said.append(bytes, static_cast<std::size_t>(got));
  }
}

}  // namespace

void try_in_child(const std::function<void()>& work, const TrialLimits& limits) {
  const std::size_t memory = mapped_bytes() + limits.memory;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("no pipe to a child process: {}", std::strerror(errno));
  const pid_t child = fork();
  if (child == 0) run_child(work, ends[1], memory, limits.time);
  const int refused = errno;
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    fail("no child process: {}", std::strerror(refused));
  }
  const std::string said = listen(ends[0], Clock::now() + limits.time);
  close(ends[0]);
  kill(child, SIGKILL);  // it has ended, or is to end now
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (said.empty()) fail("it took more than {} seconds, or went wrong", limits.time.count() / 1000.0);
  if (said.front() == kNoMemory) fail("it took more than {} MiB", limits.memory >> 20);
  if (said.front() == kFailed) fail("{}", said.substr(1));
}

}  // namespace dsa
