#include "compare/sandbox.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>

#include "base/error.h"

namespace dsa::compare {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{50};

[[noreturn]] void system_failed(const char* what) {
  fail("sandbox: {}: {}", what, std::generic_category().message(errno));
}

/// A file descriptor that is closed.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// Bytes that a child reads from the start.
Fd memory_file(const void* bytes, std::size_t size) {
  Fd fd(::memfd_create("dsa", 0));
  if (fd.get() < 0) system_failed("memory");
  const auto* from = static_cast<const char*>(bytes);
  for (std::size_t done = 0; done < size;) {
    const auto n = ::write(fd.get(), from + done, size - done);
    if (n <= 0) system_failed("memory");
    done += static_cast<std::size_t>(n);
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

// No processes beside the one there is: fork and vfork are refused, clone too but for threads, which the
// bound on memory bounds; of clone3, whose flags a filter cannot see, it is said that the kernel has none,
// and libc takes clone.  (RLIMIT_NPROC does not hold for root.)  Calls by another architecture's numbers end
// the program.
Fd no_processes() {
#if defined(__x86_64__)
  constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#else
#error "a sandbox wants to know this machine's number in linux/audit.h"
#endif
  constexpr std::uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM, kAbsent = SECCOMP_RET_ERRNO | ENOSYS;
  constexpr std::uint32_t kX32 = 0x40000000;  // x86-64 has second numbers for its calls from here on
  std::vector<sock_filter> code{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  const auto refuse = [&](std::uint32_t call, std::uint32_t how) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, how));
  };
#ifdef SYS_fork
  refuse(SYS_fork, kRefused);
  refuse(SYS_vfork, kRefused);
#endif
  refuse(SYS_clone3, kAbsent);
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
  code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])));
  code.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0));
  code.push_back(BPF_STMT(BPF_RET | BPF_K, kRefused));
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return memory_file(code.data(), code.size() * sizeof(sock_filter));
}

// Folders of the system that a program needs to be run at all.
void add_system(std::vector<std::string>& arguments) {
  for (const char* folder : {"/bin", "/lib", "/lib64"}) {
    std::error_code error;
    if (std::filesystem::is_symlink(folder, error))
      arguments.insert(arguments.end(),
                       {"--symlink", std::filesystem::read_symlink(folder, error).string(), folder});
    else if (std::filesystem::is_directory(folder, error))
      arguments.insert(arguments.end(), {"--ro-bind", folder, folder});
  }
}

/// bwrap and all below it: ended and waited for at the latest when it goes.
class Child {
 public:
  /// Of our files it gets `output` and `kept`.
  Child(const std::vector<std::string>& arguments, int output, const std::vector<Fd>& kept,
        const SandboxLimits& limits) {
    std::vector<char*> argv;
    for (const std::string& one : arguments) argv.push_back(const_cast<char*>(one.c_str()));
    argv.push_back(nullptr);
    const rlimit memory{static_cast<rlim_t>(limits.memory_bytes), static_cast<rlim_t>(limits.memory_bytes)};
    const auto seconds = static_cast<rlim_t>(limits.time.count() / 1000 + 1);
    const rlimit processor{seconds, seconds}, none{0, 0}, files{64, 64};
    char* const environment[] = {nullptr};
    std::vector<unsigned> open;
    for (const Fd& fd : kept) open.push_back(static_cast<unsigned>(fd.get()));
    std::ranges::sort(open);
    pid_ = ::fork();
    if (pid_ < 0) system_failed("fork");
    if (pid_ != 0) return;
    // The child: calls that are safe behind a fork of a program with threads, and nothing else.
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    unsigned next = 3;
    for (const unsigned fd : open) {
      if (fd > next) ::close_range(next, fd - 1, 0);
      next = fd + 1;
    }
    ::close_range(next, ~0U, 0);
    ::setrlimit(RLIMIT_AS, &memory);
    ::setrlimit(RLIMIT_CPU, &processor);
    ::setrlimit(RLIMIT_CORE, &none);
    ::setrlimit(RLIMIT_NOFILE, &files);
    ::execve(argv[0], argv.data(), environment);
    ::_exit(127);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);  // with it goes its namespace of processes (--die-with-parent)
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  /// Its exit status, once it has ended; not to be asked again then.
  std::optional<int> ended() {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_ = -1;
};

const char* bwrap_path() {
  for (const char* path : {"/usr/bin/bwrap", "/usr/local/bin/bwrap"})
    if (::access(path, X_OK) == 0) return path;
  fail(
      "sandbox: there is no bwrap, which code of answers is run in: apt-get install bubblewrap, "
      "or go without code");
}

}  // namespace

Sandbox::Sandbox(const SandboxLimits& limits) : limits_(limits) {
  bwrap_path();
  if (::access("/usr/bin/python3", X_OK) != 0)
    fail(
        "sandbox: there is no /usr/bin/python3, which tests of code want: apt-get install python3, "
        "or go without code");
  const SandboxResult probe = run({{"main.py", "print('it runs')\n"}}, "main.py", std::atomic<bool>(false));
  if (probe.end != SandboxEnd::exited || probe.status != 0 || probe.output != "it runs\n")
    fail(
        "sandbox: bwrap cannot run a program here: {}: user namespaces may be forbidden; mend that, "
        "or go without code",
        printable(probe.output, 200));
}

SandboxResult Sandbox::run(const SandboxFiles& files, const std::string& main,
                           const std::atomic<bool>& cancel) const {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) system_failed("pipe");
  const Fd from(ends[0]);
  Fd to(ends[1]);
  std::vector<Fd> kept;
  std::vector<std::string> arguments{bwrap_path(),
                                     "--unshare-all",
                                     "--unshare-user",
                                     "--disable-userns",
                                     "--die-with-parent",
                                     "--new-session",
                                     "--uid",
                                     "65534",
                                     "--gid",
                                     "65534",
                                     "--hostname",
                                     "sandbox",
                                     "--cap-drop",
                                     "ALL",
                                     "--ro-bind",
                                     "/usr",
                                     "/usr"};
  add_system(arguments);
  // No /proc: much of its /proc/sys is the machine's own, and may be written by who is root outside.
  arguments.insert(arguments.end(), {"--dev", "/dev", "--remount-ro", "/dev", "--size",
                                     std::to_string(limits_.disk_bytes), "--tmpfs", "/tmp"});
  for (const auto& [name, text] : files) {
    kept.push_back(memory_file(text.data(), text.size()));
    arguments.insert(arguments.end(), {"--ro-bind-data", std::to_string(kept.back().get()), "/code/" + name});
  }
  kept.push_back(no_processes());
  arguments.insert(arguments.end(), {"--seccomp",
                                     std::to_string(kept.back().get()),
                                     "--remount-ro",
                                     "/",
                                     "--chdir",
                                     "/tmp",
                                     "--setenv",
                                     "PATH",
                                     "/usr/bin:/bin",
                                     "--setenv",
                                     "HOME",
                                     "/tmp",
                                     "--setenv",
                                     "LANG",
                                     "C.UTF-8",
                                     "--",
                                     "/usr/bin/python3",
                                     "-I",
                                     "-B",
                                     "/code/" + main});
  Child child(arguments, to.get(), kept, limits_);
  kept.clear();
  to.close();

  SandboxResult out;
  const auto end = Clock::now() + limits_.time;
  for (;;) {
    if (cancel.load(std::memory_order_relaxed))
      out.end = SandboxEnd::cancelled;
    else if (Clock::now() >= end)
      out.end = SandboxEnd::timed_out;
    if (out.end != SandboxEnd::exited) return out;
    pollfd ready{.fd = from.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, static_cast<int>(kLook.count())) <= 0) continue;
    std::array<char, 1 << 14> block;
    const auto n = ::read(from.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    const std::size_t room = limits_.output_bytes - out.output.size();
    out.output.append(block.data(), std::min(room, static_cast<std::size_t>(n)));
    if (static_cast<std::size_t>(n) > room) {
      out.end = SandboxEnd::too_much_output;
      return out;
    }
  }
  // Its output is closed: it is about to end, or goes on without one.
  while (Clock::now() < end && !cancel.load(std::memory_order_relaxed)) {
    if (const auto status = child.ended()) {
      out.status = *status;
      return out;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  out.end = cancel.load(std::memory_order_relaxed) ? SandboxEnd::cancelled : SandboxEnd::timed_out;
  return out;
}

}  // namespace dsa::compare
