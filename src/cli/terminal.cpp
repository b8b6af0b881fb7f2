#include "cli/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "base/error.h"
#include "base/printable.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set from a signal handler");

void on_interrupt(int) {
  if (interrupted.exchange(true)) ::_exit(kInterrupted);
}

}  // namespace

bool stdin_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }
bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

std::string progress_line(std::int64_t done, std::int64_t total, double elapsed_ms,
                          const ProgressWords& words) {
  constexpr std::int64_t kWidth = 24;
  const std::int64_t filled = total > 0 ? std::clamp<std::int64_t>(done * kWidth / total, 0, kWidth) : kWidth;
  std::string line = fmt::format("{} [{:<{}}] {:3} %  {} of {} {}", words.verb,
                                 std::string(static_cast<std::size_t>(filled), '#'), kWidth,
                                 total > 0 ? done * 100 / total : 100, done, total, words.unit);
  if (!words.speed.empty())
    line += fmt::format("  {:.0f} {}", elapsed_ms > 0 ? static_cast<double>(done) * 1000 / elapsed_ms : 0,
                        words.speed);
  return line;
}

void ProgressLine::update(std::int64_t done, std::int64_t total) {
  constexpr double kPatienceMs = 400;
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
  if (!stderr_is_terminal() || ms < kPatienceMs) return;
  if (done >= total) return clear();
  fmt::print(stderr, "\r{}\x1b[K", progress_line(done, total, ms, words_));
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

CatchInterrupt::CatchInterrupt() {
  interrupted = false;
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // no SA_RESTART: a read from the keyboard is to end too
  ::sigaction(SIGINT, &action, &before_);
}

CatchInterrupt::~CatchInterrupt() { ::sigaction(SIGINT, &before_, nullptr); }

const std::atomic<bool>& CatchInterrupt::flag() const { return interrupted; }

void print(std::string_view text) {
  const std::string shown = stdout_is_terminal() ? terminal_text(text) : std::string();
  if (stdout_is_terminal()) text = shown;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    fail("stdout: {}", std::generic_category().message(errno));
}

}  // namespace dsa::cli
