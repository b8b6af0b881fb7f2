#include "bench/side_by_side.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <span>

#include "base/error.h"
#include "model/sequence_pass.h"

namespace dsa {
namespace {

constexpr std::int64_t kContext = 130, kDepth = 100;  // a page and a half
const std::atomic<bool> kNever{false};

class SequencesAtDepthTest : public ::testing::TestWithParam<std::pair<const char*, bool>> {
 protected:
  static LoadedModel load(const LoadOptions& options) {
    return LoadedModel(with_indexer(open_model(std::filesystem::path(DSA_SOURCE_DIR) /
                                               "tests/goldens/models" / GetParam().first),
                                    options),
                       options);
  }
  // One token more for each sequence, by its number.
  static std::int32_t next(std::int64_t position, std::int64_t sequence) {
    return static_cast<std::int32_t>((position * 7 + sequence * 31) % 250);
  }
};

// Every sequence has the bits that it has alone, the pages copied or not.
TEST_P(SequencesAtDepthTest, EachIsItselfAlone) {
  const SideBySide side{.sequences = 3, .shared = GetParam().second};
  LoadedModel together = load(
      {.context = kContext, .cache = SequencesAtDepth::cache_tokens(side.sequences, kContext), .threads = 2});
  LoadedModel one = load({.context = kContext, .threads = 2});
  std::vector<std::int32_t> text;
  for (std::int64_t p = 0; p < kDepth; ++p) text.push_back(next(p, 0));
  ASSERT_TRUE(SequencePass(together).run(text, {}, {}, {}, kNever));

  SequencesAtDepth sequences(together, side, kDepth);
  const auto vocab = together.config().vocab_size;
  SequencePass alone(one);
  for (std::int64_t position = kDepth; position < kDepth + 3; ++position) {
    std::vector<std::int32_t> tokens;
    for (std::int64_t s = 0; s < side.sequences; ++s) tokens.push_back(next(position, s));
    ASSERT_TRUE(sequences.decode(position, tokens, {}, kNever));
    for (std::int64_t s = 0; s < side.sequences; ++s) {
      std::vector<std::int32_t> whole = text;
      for (std::int64_t p = kDepth; p <= position; ++p) whole.push_back(next(p, s));
      ASSERT_TRUE(alone.extend({.tokens = whole, .logits_from = position}, {}, {}, kNever));
      const std::span row = std::span(sequences.logits()).subspan(static_cast<std::size_t>(s * vocab));
      EXPECT_TRUE(std::ranges::equal(row.first(static_cast<std::size_t>(vocab)), alone.last_logits()))
          << "sequence " << s << " at " << position;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Models, SequencesAtDepthTest,
                         ::testing::Values(std::pair{"llama_gqa", false}, std::pair{"llama_gqa", true},
                                           std::pair{"deepseek_v32", false},
                                           std::pair{"deepseek_v32", true}));

TEST_P(SequencesAtDepthTest, MoreThanAPassTakesAreRefused) {
  const SideBySide side{.sequences = 3};
  LoadedModel model = load(
      {.context = kContext, .cache = SequencesAtDepth::cache_tokens(side.sequences, kContext), .chunk = 2});
  EXPECT_THROW(SequencesAtDepth(model, side, 0), Error);
}

}  // namespace
}  // namespace dsa
