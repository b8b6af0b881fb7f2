#include "exec/neighbour.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace dsa {

RestRule::Duration RestRule::look(std::chrono::nanoseconds delayed, Time now) {
  if (!last_ || now - last_->at > kLongestSpan) {
    last_ = {delayed, now};
    rest_ = Duration::zero();
    return rest_;
  }
  if (now - last_->at < kLeastSpan) return Duration::zero();
  const double share = std::chrono::duration<double>(delayed - last_->delayed) /
                       std::chrono::duration<double>(now - last_->at);
  rest_ = share <= kShare            ? Duration::zero()
          : rest_ > Duration::zero() ? std::min<Duration>(2 * rest_, kLongestRest)
                                     : Duration(kFirstRest);
  last_ = {delayed, now + rest_};
  return rest_;
}

RunDelay::RunDelay() : file_(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}
RunDelay::~RunDelay() {
  if (file_ >= 0) ::close(file_);
}

// "4042391 125032 19": nanoseconds on a core, ready without one, and time slices.
std::optional<std::chrono::nanoseconds> RunDelay::read() const {
  std::array<char, 100> buffer{};
  const auto n = file_ >= 0 ? ::pread(file_, buffer.data(), buffer.size(), 0) : -1;
  if (n <= 0) return std::nullopt;
  std::string_view text(buffer.data(), static_cast<std::size_t>(n));
  text.remove_prefix(std::min(text.find(' ') + 1, text.size()));
  std::int64_t ns = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), ns).ec != std::errc{}) return std::nullopt;
  return std::chrono::nanoseconds(ns);
}

}  // namespace dsa
