#include "server/sse.h"

#include "base/error.h"

namespace dsa::server {

std::string sse_event(std::string_view line) {
  DSA_DCHECK(line.find('\n') == std::string_view::npos);
  return std::string("data: ").append(line).append("\n\n");
}

}  // namespace dsa::server
