// Any text as a JSON schema and as a regular expression: it is refused in one line, or written plainly, which
// is plain already.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "grammar/regex_subset.h"
#include "grammar/schema_subset.h"
#include "grammar/structure.h"

namespace {

template <class F>
void check(F plain, std::string_view text) {
  std::string once;
  try {
    once = plain(text);
  } catch (const dsa::StructureError& error) {
    DSA_CHECK(std::string_view(error.what()).find('\n') == std::string_view::npos);
    return;
  }
  DSA_CHECK(plain(once) == once);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check([](std::string_view one) { return dsa::plain_schema(one); }, text);
  check([](std::string_view one) { return dsa::plain_regex(one, "regex"); }, text);
  return 0;
}
