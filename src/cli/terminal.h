// What a person at a terminal sees besides the result: progress, and Ctrl-C.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/stopwatch.h"

namespace dsa::cli {

[[nodiscard]] bool stdin_is_terminal();
[[nodiscard]] bool stdout_is_terminal();
[[nodiscard]] bool stderr_is_terminal();

/// What is going on, and of what there is how much.
struct ProgressWords {
  std::string_view verb = "reading";
  std::string_view unit = "tokens";
  std::string_view speed = "tok/s";  // empty: no speed is shown
};

/// "reading [#####     ]  50 %  512 of 1024 tokens  310 tok/s"
std::string progress_line(std::int64_t done, std::int64_t total, double elapsed_ms,
                          const ProgressWords& words = {});

/// "[#####     ]": `share` of it filled.
std::string progress_bar(double share, int width);

/// One line on stderr that is drawn over itself, on a terminal only.
class StatusLine {
 public:
  void draw(std::string_view text);
  /// Wipes it; called before anything else is printed.
  void clear();
  ~StatusLine() { clear(); }

 private:
  bool drawn_ = false;
};

/// A status line of what is done, only if the work takes long enough to be wondered about.
class ProgressLine {
 public:
  explicit ProgressLine(const ProgressWords& words = {}) : words_(words) {}
  void update(std::int64_t done, std::int64_t total);
  void clear() { line_.clear(); }

 private:
  ProgressWords words_;
  Stopwatch watch_;
  StatusLine line_;
};

/// While it lives, Ctrl-C sets flag() instead of ending the program; a second Ctrl-C ends it after all, with
/// status 130.  One at a time.
class CatchInterrupt {
 public:
  CatchInterrupt();
  ~CatchInterrupt();
  CatchInterrupt(const CatchInterrupt&) = delete;
  CatchInterrupt& operator=(const CatchInterrupt&) = delete;

  [[nodiscard]] const std::atomic<bool>& flag() const;

 private:
  struct sigaction before_ {};
};

/// Writes to stdout at once, to a terminal as terminal_text(), which wants whole characters; throws Error if
/// it cannot be written (a full disk).
void print(std::string_view text);

}  // namespace dsa::cli
