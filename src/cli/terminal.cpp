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

std::string progress_bar(double share, int width) {
  const auto filled = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * width);
  return fmt::format("[{:<{}}]", std::string(filled, '#'), width);
}

std::string progress_line(std::int64_t done, std::int64_t total, double elapsed_ms,
                          const ProgressWords& words) {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
  std::string line = fmt::format("{} {} {:3} %  {} of {} {}", words.verb, progress_bar(share, 24),
                                 total > 0 ? done * 100 / total : 100, done, total, words.unit);
  if (!words.speed.empty())
    line += fmt::format("  {:.0f} {}", elapsed_ms > 0 ? static_cast<double>(done) * 1000 / elapsed_ms : 0,
                        words.speed);
  return line;
}

void StatusLine::draw(std::string_view text) {
  if (!stderr_is_terminal()) return;
  fmt::print(stderr, "\r{}\x1b[K", text);
  std::fflush(stderr);
  drawn_ = true;
}

void StatusLine::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

void ProgressLine::update(std::int64_t done, std::int64_t total) {
  constexpr double kPatienceMs = 400;
  const double ms = watch_.milliseconds();
  if (ms < kPatienceMs) return;
  if (done >= total) return clear();
  line_.draw(progress_line(done, total, ms, words_));
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
