// A document's rows in parts, each with an update of its own.
#include "train/warmup/document_pass.h"

#include <gtest/gtest.h>

#include "testing/test_files.h"
#include "testing/text_model.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kLength = 96;

class PassOverTinyModel : public ::testing::Test {
 protected:
  PassOverTinyModel() : model_(text_model(folder_.path() / "model"), options()) {
    for (std::int64_t i = 0; i < kLength; ++i) tokens_.push_back(static_cast<std::int32_t>(i * 37 % 250));
    rows_ = sample(17);
    initialize(parameters_, 3);
  }

  static OpenedModel text_model(const std::filesystem::path& folder) {
    test::write_text_model(std::filesystem::path(DSA_SOURCE_DIR) / "tests/goldens/models/llama_gqa", folder);
    return with_indexer(open_model(folder), options());
  }
  static LoadOptions options() { return {.context = kLength, .chunk = kLength, .threads = 2}; }
  static std::vector<std::int32_t> sample(std::int32_t count) {
    std::vector<std::int32_t> rows;
    for (std::int32_t i = 0; i < count; ++i) rows.push_back(10 + 5 * i);
    return rows;
  }
  bool run(const PassTraining* training) {
    return pass_.run(tokens_, {.rows = rows_, .mix = {}, .recall_topk = 8}, parameters_, training, cancel_);
  }

  TempFolder folder_;
  LoadedModel model_;
  std::vector<std::int32_t> tokens_, rows_;
  IndexerShape shape_ = indexer_shape(model_.files(), 2, 8);
  IndexerTensors parameters_{shape_}, gradient_{shape_};
  DocumentPass pass_{model_, shape_, kLength, 32, parse_products("auto")};
  std::atomic<bool> cancel_{false};
};

TEST_F(PassOverTinyModel, PartsTogetherAreTheWhole) {
  ASSERT_TRUE(run(nullptr));
  const std::vector<LayerLoss> whole(pass_.losses().begin(), pass_.losses().end());
  for (const std::int64_t updates : {1, 3, 17, 40}) {
    std::int64_t calls = 0;
    const PassTraining training{
        .gradient = gradient_, .updates = updates, .update = [&](std::int64_t) { ++calls; }};
    ASSERT_TRUE(run(&training));
    EXPECT_EQ(calls, shape_.layers * std::min<std::int64_t>(updates, 17))
        << "a part without rows is no update";
    for (std::size_t layer = 0; layer < whole.size(); ++layer) {
      const LayerLoss& loss = pass_.losses()[layer];
      EXPECT_NEAR(loss.kl, whole[layer].kl, 1e-6);
      EXPECT_EQ(loss.recall.rows, whole[layer].recall.rows);
      EXPECT_NEAR(loss.recall.indexer, whole[layer].recall.indexer, 1e-6);
      EXPECT_NEAR(loss.recall.best, whole[layer].recall.best, 1e-6);
    }
  }
}

TEST_F(PassOverTinyModel, EachPartSeesWhatTheOneBeforeChanged) {
  rows_ = {40, 41};  // one a part
  ASSERT_TRUE(run(nullptr));
  const double before = record_of(pass_.losses()).kl;
  const PassTraining training{.gradient = gradient_, .updates = 2, .update = [&](std::int64_t layer) {
                                const auto weights = parameters_.layer_values(layer),
                                           slope = gradient_.layer_values(layer);
                                for (std::size_t i = 0; i < weights.size(); ++i)
                                  weights[i] -= 0.01F * slope[i];
                              }};
  for (int round = 0; round < 20; ++round) ASSERT_TRUE(run(&training));
  EXPECT_LT(record_of(pass_.losses()).kl, 0.9 * before);
}

TEST_F(PassOverTinyModel, StopsBetweenLayers) {
  std::vector<std::int64_t> seen;
  const PassTraining training{.gradient = gradient_, .updates = 2, .update = [&](std::int64_t layer) {
                                seen.push_back(layer);
                                cancel_ = true;
                              }};
  EXPECT_FALSE(run(&training));
  EXPECT_EQ(seen, (std::vector<std::int64_t>{0, 0}));
}

}  // namespace
}  // namespace dsa::train
