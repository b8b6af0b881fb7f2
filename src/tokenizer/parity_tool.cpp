// Compares with the goldens of a vocabulary too big to commit:
//   tokenizer_parity MODEL.gguf|tokenizer.json STRINGS.gz IDS.gz
//   (tools/goldens/tokenizer/check_real_vocabs.sh)
#include <fmt/core.h>

#include <ctime>

#include "base/error.h"
#include "checkpoint/gguf.h"
#include "tokenizer/golden_files.h"
#include "tokenizer/tokenizer.h"

namespace {

dsa::Tokenizer open(const std::filesystem::path& path) {
  if (path.extension() != ".gguf") return dsa::Tokenizer::from_tokenizer_json(path);
  const dsa::GgufFile file(path);
  return dsa::Tokenizer::from_gguf(file);
}

double cpu_seconds_for_one_letter(const dsa::Tokenizer& tokenizer) {
  const std::string text(1'000'000, 'a');
  const std::clock_t start = std::clock();
  const auto ids = tokenizer.encode(text, dsa::SpecialTokens::as_text);
  return ids.empty() ? -1 : static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    fmt::print(stderr, "usage: tokenizer_parity MODEL.gguf|tokenizer.json STRINGS.gz IDS.gz\n");
    return 2;
  }
  const dsa::Tokenizer tokenizer = open(argv[1]);
  const auto texts = dsa::golden::strings(argv[2]);
  const auto expected = dsa::golden::lists(argv[3]);
  if (texts.size() != expected.size()) dsa::fail("{} texts, but {} answers", texts.size(), expected.size());
  std::size_t mismatches = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (tokenizer.encode(texts[i], dsa::SpecialTokens::parse) == expected[i]) continue;
    if (++mismatches <= 5) fmt::print("text {} differs: {}\n", i, dsa::printable(texts[i], 300));
  }
  fmt::print("{}: {}: {} texts, {} mismatches; 1 MB of one letter in {:.2f} s of CPU\n", argv[1],
             tokenizer.pre_tokenizer(), texts.size(), mismatches, cpu_seconds_for_one_letter(tokenizer));
  return mismatches == 0 ? 0 : 1;
} catch (const dsa::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
