// The events of a stream, out of a body that grows.
#pragma once

#include <string_view>
#include <vector>

namespace dsa::compare {

class SseReader {
 public:
  /// The data of the events that are whole now and were not before; views of `so_far`.
  std::vector<std::string_view> take(std::string_view so_far);

 private:
  std::size_t at_ = 0;  // behind the last line that was looked at
};

}  // namespace dsa::compare
