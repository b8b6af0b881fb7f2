#include "compare/sse_reader.h"

namespace dsa::compare {

std::vector<std::string_view> SseReader::take(std::string_view so_far) {
  std::vector<std::string_view> out;
  for (std::size_t end; (end = so_far.find('\n', at_)) != std::string_view::npos; at_ = end + 1) {
    std::string_view line = so_far.substr(at_, end - at_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with("data:")) continue;
    line.remove_prefix(5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    out.push_back(line);
  }
  return out;
}

}  // namespace dsa::compare
