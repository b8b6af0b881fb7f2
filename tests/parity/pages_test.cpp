// A page of the cache as one block of bytes: what was saved and loaded again, into another cache at another
// place, goes on with the same bits as what was never moved.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "base/numeric.h"
#include "parity/harness.h"

namespace dsa::parity {
namespace {

struct Case {
  const char* model;
  Compute compute;
};

class Pages : public testing::TestWithParam<Case> {
 protected:
  // GQA, MLA, MLA with indexer, indexers that share a selection; sparse where they can be.
  Runner runner(std::int64_t context) const {
    return Runner(goldens() / "models" / GetParam().model,
                  {.kernels = &choose_kernels(),
                   .model = {.compute = GetParam().compute, .context = context, .chunk = 64},
                   .run = {},
                   .threads = 2});
  }
};

// Logits of `tokens` at the end of what the pages hold.
std::vector<float> extend(Runner& model, std::span<const std::int32_t> tokens, std::int64_t first,
                          std::span<const std::int32_t> pages) {
  std::vector<std::int32_t> all(tokens.size());
  std::iota(all.begin(), all.end(), 0);
  std::vector<float> logits(tokens.size() * usize(model.config().vocab_size));
  const SequenceSlice slice{
      .tokens = tokens, .first_position = first, .page_table = pages, .logits_rows = all};
  SequenceStatus status;
  model.transformer().forward(
      {.sequences = {&slice, 1}},
      {logits.data(), {static_cast<std::int64_t>(tokens.size()), model.config().vocab_size}}, {&status, 1});
  EXPECT_TRUE(status.ok());
  return logits;
}

TEST_P(Pages, SavedAndLoadedElsewhereGoOnWithTheSameBits) {
  std::vector<std::int32_t> tokens =
      Golden(goldens() / "models" / GetParam().model / "golden.safetensors").tokens;
  ASSERT_GE(tokens.size(), 40U);
  while (tokens.size() < 150) tokens.push_back(tokens[tokens.size() - 40]);
  tokens.resize(150);
  const std::span<const std::int32_t> all(tokens), last = all.subspan(128);

  Runner here = runner(192);
  const std::int32_t own[] = {0, 1, 2};
  extend(here, all.first(64), 0, own);
  extend(here, all.subspan(64, 64), 64, own);
  const auto expected = extend(here, last, 128, own);

  Runner there = runner(640);
  const std::int32_t others[] = {7, 3, 5};
  KvCache &from = here.transformer().cache(), &to = there.transformer().cache();
  ASSERT_EQ(from.page_bytes(), to.page_bytes());
  ASSERT_EQ(from.page_bytes(),
            usize(kPageTokens) * kv_token_bytes(here.config(), here.transformer().compute()));
  std::vector<std::byte> block(from.page_bytes()), again(from.page_bytes());
  for (std::size_t i = 0; i < 2; ++i) {
    from.save_page(own[i], block);
    to.load_page(others[i], block);
    to.save_page(others[i], again);
    EXPECT_EQ(std::memcmp(block.data(), again.data(), block.size()), 0) << "page " << i;
  }
  const auto got = extend(there, last, 128, others);
  EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0);

  // What the pages hold counts: with a block of zeros in place of one the logits are others.
  std::ranges::fill(block, std::byte{0});
  to.load_page(others[0], block);
  const auto damaged = extend(there, last, 128, others);
  EXPECT_NE(std::memcmp(damaged.data(), expected.data(), got.size() * sizeof(float)), 0);
}

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const char* model : {"llama_gqa", "deepseek_v3", "deepseek_v32", "glm_moe_dsa_shared"})
    for (const Compute compute : {Compute::automatic, Compute::f32}) out.push_back({model, compute});
  return out;
}

INSTANTIATE_TEST_SUITE_P(Models, Pages, testing::ValuesIn(cases()), [](const auto& info) {
  return std::string(info.param.model) + (info.param.compute == Compute::f32 ? "_f32" : "_default");
});

}  // namespace
}  // namespace dsa::parity
