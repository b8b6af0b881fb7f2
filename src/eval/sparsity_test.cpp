#include "eval/sparsity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/rng.h"
#include "eval/best_selection.h"
#include "testing/test_files.h"
#include "testing/text_model.h"

namespace dsa {
namespace {

constexpr std::int64_t kLength = 96;

// A small model with an indexer of its own or an untrained one, and a document it can read.
class SparsityOfTinyModel : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto golden = std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/models" / GetParam();
    test::write_text_model(golden, folder_.path() / "model");
    if (std::string_view(GetParam()) == "llama_gqa")
      test::write_indexer_folder(folder_.path() / "model", folder_.path() / "indexer", {.heads = 2, .dim = 8},
                                 16);
    documents_.push_back({.path = "d", .tokens = {}});
    const CounterRng rng(5);
    for (std::uint64_t i = 0; i < 2 * kLength; ++i)
      documents_[0].tokens.push_back(static_cast<std::int32_t>(rng.at(i) % 250));
    windows_ = cut_windows(documents_, kLength);
  }

  [[nodiscard]] LoadOptions options() const {
    LoadOptions options{.topk = 16, .context = 128, .threads = 2};
    if (std::filesystem::exists(folder_.path() / "indexer")) options.indexer = folder_.path() / "indexer";
    return options;
  }
  [[nodiscard]] OpenedModel open(const LoadOptions& engine) const {
    return with_indexer(open_model(folder_.path() / "model"), engine);
  }
  Sparsity measure(const LoadOptions& engine, const SparsityOptions& options) {
    LoadedModel model(open(engine), engine);
    return measure_sparsity(
        model, documents_, windows_, options, [](std::int64_t, std::int64_t) {}, never_);
  }

  TempFolder folder_;
  std::vector<Document> documents_;
  std::vector<Window> windows_;
  const std::atomic<bool> never_{false};
};

TEST_P(SparsityOfTinyModel, TheBestSelectionBoundsTheOthersInEveryLayer) {
  const auto result =
      measure(options(), {.topks = {8, 16}, .length = kLength, .rows = 1000, .perplexity = true});
  EXPECT_EQ(result.windows, 2);
  EXPECT_EQ(result.dense.windows, 2);
  for (const auto& t : result.topks) {
    SCOPED_TRACE(t.topk);
    ASSERT_GE(t.layers.size(), 3U);
    for (std::size_t l = 0; l < t.layers.size(); ++l) {
      const SelectionSums sums = t.layer(l);
      EXPECT_EQ(sums.rows, 2 * (kLength - t.topk)) << "every row that leaves something out, in both windows";
      EXPECT_EQ(sums.pairs, 2 * (kLength - t.topk - 1));
      for (const auto selector : {Selector::indexer, Selector::window, Selector::random}) {
        EXPECT_LT(sums.mass(selector), sums.mass(Selector::best));
        EXPECT_GT(sums.mass(selector), 0);
        EXPECT_LT(sums.recall(selector), 1);
      }
      EXPECT_LE(sums.mass(Selector::best), 1 + 1e-6);
    }
    EXPECT_NE(t.indexer.all.nll, result.dense.all.nll);
    EXPECT_NE(t.best.all.nll, result.dense.all.nll);
    EXPECT_NE(t.best.all.nll, t.indexer.all.nll);
  }
  EXPECT_GT(result.topks[1].all().mass(Selector::best), result.topks[0].all().mass(Selector::best));
}

TEST_P(SparsityOfTinyModel, ChunksAndThreadsChangeNothing) {
  const SparsityOptions asked{.topks = {8}, .length = kLength, .rows = 20, .seed = 3, .perplexity = false};
  LoadOptions other = options();
  other.threads = 3;
  other.chunk = 32;
  const auto a = measure(options(), asked), b = measure(other, asked);
  EXPECT_EQ(a.topks[0].indexer.windows, 0) << "no perplexity was asked for";
  for (std::size_t l = 0; l < a.topks[0].layers.size(); ++l) {
    const auto x = a.topks[0].layer(l), y = b.topks[0].layer(l);
    EXPECT_EQ(x.rows, 40);
    for (const auto selector : {Selector::indexer, Selector::best, Selector::window}) {
      EXPECT_EQ(x.mass(selector), y.mass(selector));
      EXPECT_EQ(x.recall(selector), y.recall(selector));
    }
  }
}

// What the model attends to is the definition's: checked against a run whose hook selects by brute force.
TEST_P(SparsityOfTinyModel, TheBestSelectionIsTheTopOfTheMass) {
  LoadedModel model(open(options()), options());
  BestSelection best(model);
  ForwardHooks hooks = best.hooks(16);
  AttentionMass mass(model.exec(), model.transformer().kernels());
  std::vector<std::vector<float>> rows(static_cast<std::size_t>(kLength));
  std::int64_t compared = 0;
  hooks.attention_inputs = [&, choose = hooks.attention_inputs](std::int64_t layer,
                                                                const AttentionInputs& in) {
    std::vector<std::int64_t> all;
    for (std::int64_t r = 0; r < kLength; ++r) all.push_back(r);
    mass.of_rows(in, model.transformer().cache().layer(layer), all,
                 [&](std::size_t i, std::span<const float> m, int) { rows[i].assign(m.begin(), m.end()); });
    choose(layer, in);
  };
  hooks.selection = [&, replace = hooks.selection](std::int64_t layer, TensorView<std::int32_t, 2> idx,
                                                   std::span<std::int32_t> count) {
    replace(layer, idx, count);
    for (std::int64_t r = 16; r < kLength; ++r, ++compared) {
      const auto& m = rows[static_cast<std::size_t>(r)];
      std::vector<std::int32_t> order(m.size());
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order, std::greater<>(),
                               [&](auto s) { return m[static_cast<std::size_t>(s)]; });
      order.resize(16);
      std::ranges::sort(order);
      EXPECT_TRUE(std::ranges::equal(order, idx.span(r).first(16))) << layer << " " << r;
    }
  };
  model.transformer().set_hooks(hooks);
  ASSERT_TRUE(SequencePass(model).run(tokens_of(documents_, windows_[0], kLength),
                                      {.attention = AttentionMode::sparse}, nullptr, nullptr, never_));
  EXPECT_GE(compared, kLength - 16);
}

INSTANTIATE_TEST_SUITE_P(Models, SparsityOfTinyModel,
                         testing::Values("llama_gqa", "deepseek_v32", "glm_moe_dsa_shared"));

}  // namespace
}  // namespace dsa
