// The most memory the process held at once.
#pragma once

#include <cstdint>

namespace dsa {

/// Begins a new peak, where the system can (Linux); without that the peak is the process's since its start.
void reset_peak_rss();

/// Bytes in memory at the peak, mapped files included; 0 if the system does not say.
std::int64_t peak_rss_bytes();

}  // namespace dsa
