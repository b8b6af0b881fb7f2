// Any bytes as HTTP requests and their bodies as JSON for both APIs.  However the bytes are cut, the same
// requests are read, or none: a reader that sees another request than the proxy before it is how requests are
// smuggled.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "server/fields.h"
#include "server/request_fields.h"
#include "server/request_reader.h"

namespace {

using dsa::server::RequestReader;

constexpr dsa::server::HttpLimits kLimits{
    .request_line_bytes = 200, .header_bytes = 1000, .headers = 20, .body_bytes = 2000};

// What was read, as a text that two ways of reading can be compared by.
std::string read_all(std::string_view bytes, std::size_t piece) {
  dsa::server::ByteBudget bodies(kLimits.all_bodies_bytes);
  RequestReader reader(kLimits, bodies);
  std::string seen;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    auto state = reader.push(bytes.substr(at, piece));
    while (state == RequestReader::State::done) {
      const auto request = reader.take();
      DSA_CHECK(request.body.size() <= kLimits.body_bytes && request.headers.size() <= kLimits.headers + 20);
      seen += request.method + '\n' + request.target + '\n' + request.body + '\n';
      try {
        const auto json = dsa::server::parse_body(request.body);
        const dsa::server::Fields fields(json);
        (void)dsa::server::model_of(fields);
      } catch (const dsa::Error&) {
      }
      state = reader.push("");
    }
    if (state == RequestReader::State::bad) return seen + "bad";
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string at_once = read_all(bytes, std::max<std::size_t>(1, size));
  DSA_CHECK(at_once == read_all(bytes, 1));
  DSA_CHECK(at_once == read_all(bytes, 7));
  return 0;
}
