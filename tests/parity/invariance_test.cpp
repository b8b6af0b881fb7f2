// Logits are the same bits however the prompt is chunked, whatever shares the batch, whichever pages hold the
// cache and however many threads compute: a cache hit equals a miss, a rerun equals a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

#include "parity/harness.h"
#include "testing/families.h"

namespace dsa::parity {
namespace {

// GQA dense, MLA dense with MoE, MLA with indexer, its FP8 arithmetic,
// interleaved indexer with shared layers.
const char* const kModels[] = {"llama_gqa", "deepseek_v3", "deepseek_v32", "deepseek_v32_fp8",
                               "glm_moe_dsa_shared"};

struct Case {
  const char* model;
  Compute compute;
  std::vector<std::int64_t> topk_layers = {};
  bool int8_keys = false;
};

std::string title(const Case& c) {
  return std::string(c.model) + (c.compute == Compute::f32 ? "_f32" : "_default") +
         (c.topk_layers.empty() ? "" : "_by_layer") + (c.int8_keys ? "_int8_keys" : "");
}

void PrintTo(const Case& c, std::ostream* out) { *out << title(c); }

class InvarianceOfModel : public testing::TestWithParam<Case> {
 protected:
  std::filesystem::path folder() const { return goldens() / "models" / GetParam().model; }
  Golden golden() const { return Golden(folder() / "golden.safetensors"); }
  /// What runs here, and for two models a family of other processors, emulated.
  static std::vector<const KernelTable*> families() {
    const std::string model = GetParam().model;
    if (GetParam().compute == Compute::automatic && (model == "llama_gqa" || model == "deepseek_v32"))
      return test::tested_families();
    return {runnable().begin(), runnable().end()};
  }
  Runner runner(const KernelTable* kernels, int threads) const {
    return Runner(folder(), {.kernels = kernels,
                             .model = {.compute = GetParam().compute,
                                       .context = 1024,
                                       .chunk = 512,
                                       .int8_keys = GetParam().int8_keys,
                                       .topk_layers = GetParam().topk_layers},
                             .threads = threads});
  }
};

TEST_P(InvarianceOfModel, ChunksAndThreads) {
  const Golden want = golden();
  for (const KernelTable* kernels : families()) {
    SCOPED_TRACE(kernels->name);
    const auto whole = runner(kernels, 1).logits(want.tokens, 512);
    constexpr std::pair<int, std::int64_t> kThreadsAndChunks[] = {{1, 1}, {1, 65}, {2, 63}, {2, 512},
                                                                  {3, 5}, {3, 64}, {7, 1},  {7, 512}};
    for (const auto& [threads, chunk] : kThreadsAndChunks)
      EXPECT_EQ(first_difference(runner(kernels, threads).logits(want.tokens, chunk), whole), std::nullopt)
          << threads << " threads, chunks of " << chunk;
  }
}

// Sequences that advance by chunks of their own through shuffled pages of one cache,
// many of them in one batch.
TEST_P(InvarianceOfModel, BatchesAndPages) {
  const Golden want = golden();
  constexpr std::size_t kSequences = 4;
  for (const KernelTable* kernels : families()) {
    SCOPED_TRACE(kernels->name);
    Runner model = runner(kernels, 2);
    const std::int64_t vocab = model.config().vocab_size;
    std::mt19937 random(7);
    std::vector<std::int32_t> pages(16);
    std::iota(pages.begin(), pages.end(), 0);
    std::ranges::shuffle(pages, random);

    std::vector<std::int32_t> prompts[kSequences];
    Array<float> alone[kSequences], together[kSequences];
    for (std::size_t i = 0; i < kSequences; ++i) {
      prompts[i] = want.tokens;
      std::ranges::rotate(prompts[i], prompts[i].begin() + static_cast<std::ptrdiff_t>(17 * i));
      prompts[i].resize(want.tokens.size() - 9 * i);
      alone[i] = model.logits(prompts[i], 512);
      together[i] = {alone[i].shape, std::vector<float>(alone[i].values.size())};
    }
    std::size_t done[kSequences] = {};
    while (true) {
      std::vector<SequenceSlice> slices;
      std::vector<std::size_t> who;
      std::vector<std::vector<std::int32_t>> rows;
      rows.reserve(kSequences);
      for (std::size_t i = 0; i < kSequences; ++i) {
        const std::size_t count = std::min<std::size_t>(1 + random() % 40, prompts[i].size() - done[i]);
        if (count == 0) continue;
        rows.emplace_back(count);
        std::iota(rows.back().begin(), rows.back().end(), 0);
        who.push_back(i);
        slices.push_back({.tokens = std::span<const std::int32_t>(prompts[i]).subspan(done[i], count),
                          .first_position = static_cast<std::int64_t>(done[i]),
                          .page_table = std::span<const std::int32_t>(pages).subspan(4 * i, 4),
                          .logits_rows = rows.back()});
      }
      if (slices.empty()) break;
      std::size_t total = 0;
      for (const auto& s : slices) total += s.tokens.size();
      std::vector<float> logits(total * static_cast<std::size_t>(vocab));
      std::vector<SequenceStatus> status(slices.size());
      model.transformer().forward({.sequences = slices},
                                  {logits.data(), {static_cast<std::int64_t>(total), vocab}}, status);
      auto next = logits.begin();
      for (std::size_t s = 0; s < slices.size(); ++s) {
        ASSERT_TRUE(status[s].ok());
        const std::size_t i = who[s], values = slices[s].tokens.size() * static_cast<std::size_t>(vocab);
        std::copy_n(next, values, together[i].values.begin() + static_cast<std::ptrdiff_t>(done[i]) * vocab);
        next += static_cast<std::ptrdiff_t>(values);
        done[i] += slices[s].tokens.size();
      }
    }
    for (std::size_t i = 0; i < kSequences; ++i)
      EXPECT_EQ(first_difference(together[i], alone[i]), std::nullopt)
          << "sequence " << i << " in a mixed batch";
  }
}

// What wants no logits is left out of the last layer: those that are wanted, and the cache, have the bits of
// when all are.
TEST_P(InvarianceOfModel, LogitsOfSomeRows) {
  const Golden want = golden();
  constexpr std::size_t kSequences = 3;
  for (const KernelTable* kernels : families()) {
    SCOPED_TRACE(kernels->name);
    Runner model = runner(kernels, 2);
    const auto vocab = static_cast<std::size_t>(model.config().vocab_size);
    const Array<float> whole = model.logits(want.tokens, 512);
    const std::int32_t pages[][4] = {{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}};
    std::size_t done = 0;
    for (const std::size_t chunk : {std::size_t{40}, std::size_t{1}, want.tokens.size() - 41}) {
      const auto count = static_cast<std::int32_t>(chunk);
      // One wants none until the end, one its last row, one every third and the last.
      std::vector<std::int32_t> rows[kSequences];
      if (done + chunk == want.tokens.size()) rows[0] = {count - 1};
      rows[1] = {count - 1};
      for (std::int32_t row = 0; row + 1 < count; row += 3) rows[2].push_back(row);
      rows[2].push_back(count - 1);
      std::vector<SequenceSlice> slices;
      std::size_t total = 0;
      for (std::size_t i = 0; i < kSequences; ++i) {
        total += rows[i].size();
        slices.push_back({.tokens = std::span<const std::int32_t>(want.tokens).subspan(done, chunk),
                          .first_position = static_cast<std::int64_t>(done),
                          .page_table = pages[i],
                          .logits_rows = rows[i]});
      }
      std::vector<float> logits(total * vocab);
      std::vector<SequenceStatus> status(kSequences);
      model.transformer().forward(
          {.sequences = slices},
          {logits.data(), {static_cast<std::int64_t>(total), static_cast<std::int64_t>(vocab)}}, status);
      const float* next = logits.data();
      for (std::size_t i = 0; i < kSequences; ++i) {
        ASSERT_TRUE(status[i].ok());
        for (const std::int32_t row : rows[i]) {
          const auto expected = whole.row(static_cast<std::int64_t>(done) + row);
          ASSERT_EQ(std::memcmp(next, expected.data(), vocab * sizeof(float)), 0)
              << "sequence " << i << ", token " << done + static_cast<std::size_t>(row);
          next += vocab;
        }
      }
      done += chunk;
    }
    ASSERT_EQ(done, want.tokens.size());
  }
}

// Sequences of one prompt that attend each in its own way, and one that is cancelled, in one batch.
TEST(Invariance, AttentionAndTopkOfASequenceAreItsOwn) {
  constexpr RunOptions kRuns[] = {{.attention = AttentionMode::dense},
                                  {.attention = AttentionMode::sparse, .topk = 5},
                                  {.attention = AttentionMode::sparse},
                                  {.attention = AttentionMode::automatic, .topk = 9},
                                  {.attention = AttentionMode::dense, .topk = 9}};
  constexpr std::size_t kCount = std::size(kRuns);
  struct Model {
    const char* name;
    std::vector<std::int64_t> topk_layers;
  };
  for (const auto& [name, topk_layers] :
       {Model{"deepseek_v32", {}}, {"glm_moe_dsa_shared", {}}, {"deepseek_v32", {3, 30, 15}}}) {
    const auto folder = goldens() / "models" / name;
    const std::vector<std::int32_t> tokens = Golden(folder / "golden.safetensors").tokens;
    const auto n = static_cast<std::int64_t>(tokens.size());
    const auto pages_each = static_cast<std::size_t>((n + kPageTokens - 1) / kPageTokens);
    for (const KernelTable* kernels : runnable()) {
      SCOPED_TRACE(std::string(name) + " " + std::string(kernels->name));
      Runner model(folder, {.kernels = kernels,
                            .model = {.topk = 16, .context = 2048, .chunk = 1024, .topk_layers = topk_layers},
                            .run = {},
                            .threads = 2});
      const std::int64_t vocab = model.config().vocab_size;
      std::vector<std::int32_t> pages((kCount + 1) * pages_each), all(tokens.size());
      std::iota(pages.begin(), pages.end(), 0);
      std::iota(all.begin(), all.end(), 0);

      std::vector<SequenceSlice> slices;
      for (std::size_t i = 0; i <= kCount; ++i)
        slices.push_back(
            {.tokens = tokens,
             .first_position = 0,
             .page_table = std::span<const std::int32_t>(pages).subspan(i * pages_each, pages_each),
             .logits_rows = all,
             .run = i < kCount ? kRuns[i] : RunOptions{}});
      const std::atomic<bool> cancel{true};
      slices.back().cancel = &cancel;
      Array<float> together{{static_cast<std::int64_t>(slices.size()) * n, vocab}, {}};
      together.values.resize(static_cast<std::size_t>(together.rows() * vocab));
      std::vector<SequenceStatus> status(slices.size());
      model.transformer().forward({.sequences = slices}, {together.values.data(), {together.rows(), vocab}},
                                  status);
      EXPECT_EQ(status.back().outcome, PassOutcome::cancelled);

      for (std::size_t i = 0; i < kCount; ++i) {
        ASSERT_TRUE(status[i].ok());
        const SelectionRule rule = model.transformer().selection_rule(kRuns[i]);
        std::int64_t sparse = 0;
        for (std::int64_t layer = 0; layer < model.config().num_hidden_layers; ++layer)
          if (kRuns[i].attention != AttentionMode::dense)
            sparse += std::max<std::int64_t>(n - rule.topk_of(layer), 0);
        EXPECT_EQ(status[i].attention.sparse_rows, sparse);
        EXPECT_EQ(status[i].attention.dense_rows, n * model.config().num_hidden_layers - sparse);
        model.set_run(kRuns[i]);
        const auto alone = model.logits(tokens, 64);
        const auto* mine = together.values.data() + static_cast<std::ptrdiff_t>(i) * n * vocab;
        EXPECT_EQ(std::memcmp(mine, alone.values.data(), alone.values.size() * sizeof(float)), 0)
            << "sequence " << i << " changed in company";
      }
    }
  }
}

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const char* model : kModels)
    for (const Compute compute : {Compute::automatic, Compute::f32}) out.push_back({model, compute});
  // One layer soon selects, one never, one between.
  out.push_back({"deepseek_v32", Compute::automatic, {3, 2000, 24}});
  for (const char* model : {"deepseek_v32", "glm_moe_dsa_shared"})
    out.push_back({.model = model, .compute = Compute::automatic, .int8_keys = true});
  return out;
}

INSTANTIATE_TEST_SUITE_P(Models, InvarianceOfModel, testing::ValuesIn(cases()),
                         [](const auto& info) { return title(info.param); });

}  // namespace
}  // namespace dsa::parity
