#include "base/peak_memory.h"

#include <charconv>
#include <fstream>
#include <string>

namespace dsa {

void reset_peak_rss() { std::ofstream("/proc/self/clear_refs") << "5\n"; }

std::int64_t peak_rss_bytes() {
  constexpr std::string_view kKey = "VmHWM:";
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(kKey)) continue;
    const std::size_t digits = line.find_first_not_of(" \t", kKey.size());
    std::int64_t kib = 0;
    if (digits != std::string::npos) std::from_chars(line.data() + digits, line.data() + line.size(), kib);
    return kib * 1024;
  }
  return 0;
}

}  // namespace dsa
