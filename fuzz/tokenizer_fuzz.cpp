// A tokenizer.json and a text to encode with it, with a line of "----" between the two.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "tokenizer/stream_decoder.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_spec.h"
#include "tokenizer/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kBorder = "\n----\n";
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t border = input.find(kBorder);
  const std::string_view file = input.substr(0, border);
  const std::string_view text =
      border == std::string_view::npos ? std::string_view() : input.substr(border + kBorder.size());
  try {
    const dsa::Tokenizer tokenizer(dsa::parse_tokenizer_json(file, "fuzz"));
    for (const auto special : {dsa::SpecialTokens::as_text, dsa::SpecialTokens::parse}) {
      const auto ids = tokenizer.encode(text, special);
      dsa::StreamDecoder stream(tokenizer, /*skip_special=*/false);
      std::string streamed;
      for (const std::int32_t id : ids) {
        DSA_CHECK(id >= 0 && id < tokenizer.vocab_size());
        DSA_CHECK(special == dsa::SpecialTokens::parse || !tokenizer.is_special(id));
        streamed += stream.push(id);
      }
      DSA_CHECK(streamed + stream.flush() == tokenizer.decode(ids, /*skip_special=*/false));
    }
  } catch (const dsa::Error&) {
    // What every broken file should end in.
  }
  return 0;
}
