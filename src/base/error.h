// Three kinds of failure, three tools (docs/style.md, "Failures").
//   bug                      DSA_CHECK / DSA_DCHECK: prints expression and place, aborts
//   cannot start / continue  throw dsa::Error through fail(): one line that says who, what, expected, got,
//                            what to do
//   expected outcome         a value (FinishReason, std::optional, ...), never an exception
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace dsa {

/// What a file, a request or the machine did wrong.
/// what() is one line fit to be shown to the person who caused it.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws Error with a formatted message:
/// fail("{}: tensor {} has shape {}, expected {}", path, name, got, want).
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

/// `text` made safe to print inside an error: control characters and invalid UTF-8
/// escaped, cut after `max_bytes`.
std::string printable(std::string_view text, std::size_t max_bytes = 120);

[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace dsa

/// A bug in dsa.cpp if it does not hold; never reachable from a file or a request.
#define DSA_CHECK(expr) ((expr) ? static_cast<void>(0) : ::dsa::check_failed(#expr, __FILE__, __LINE__))
#ifdef NDEBUG
#define DSA_DCHECK(expr) static_cast<void>(0)
#else
#define DSA_DCHECK(expr) DSA_CHECK(expr)
#endif
