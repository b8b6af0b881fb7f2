#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace dsa {

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "dsa: bug: %s does not hold (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace dsa
