#include "checkpoint/layer_topk.h"

#include <gtest/gtest.h>

#include <numeric>

#include "checkpoint/config_topk.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

std::vector<std::int64_t> all(const LayerTopk& layers, std::int64_t mean) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < std::ssize(layers.list()); ++i) out.push_back(layers.of(i, mean));
  return out;
}

TEST(LayerTopk, WithoutAListEveryLayerSelectsTheMean) {
  const LayerTopk layers;
  EXPECT_TRUE(layers.uniform());
  EXPECT_EQ(layers.of(7, 300), 300);
  EXPECT_EQ(layers.least(300), 300);
  EXPECT_EQ(layers.most(300), 300);
}

TEST(LayerTopk, AtItsOwnMeanItIsTheList) {
  const LayerTopk even({100, 300, 200}), uneven({100, 300, 201, 4});
  EXPECT_EQ(even.mean(), 200);
  EXPECT_EQ(all(even, 200), even.list());
  EXPECT_EQ(uneven.mean(), 151);  // of 151.25
  EXPECT_EQ(all(uneven, 151), uneven.list());
  EXPECT_EQ(uneven.least(151), 4);
  EXPECT_EQ(uneven.most(151), 300);
}

TEST(LayerTopk, AnotherMeanIsDividedInItsProportionsAndKept) {
  const LayerTopk layers({100, 300, 200});
  EXPECT_EQ(all(layers, 400), (std::vector<std::int64_t>{200, 600, 400}));
  EXPECT_EQ(all(layers, 7), (std::vector<std::int64_t>{4, 10, 7}));  // 3.5, 14, 21: ends to the nearest
  const LayerTopk odd({64, 100, 701, 8191, 333, 96, 97, 60});
  for (std::int64_t mean = 150; mean < 3000; mean += 37) {
    const auto list = all(odd, mean);
    EXPECT_EQ(std::accumulate(list.begin(), list.end(), std::int64_t{0}),
              mean == odd.mean() ? 9642 : mean * std::ssize(list));
    for (std::size_t i = 0; i < list.size(); ++i) {
      EXPECT_GE(list[i], odd.least(mean));
      EXPECT_LE(list[i], odd.most(mean));
      const double share = static_cast<double>(odd.list()[i] * mean * 8) / 9642;
      EXPECT_NEAR(static_cast<double>(list[i]), std::max(share, 1.0), 1);
    }
  }
}

TEST(LayerTopk, NoLayerIsLeftWithNothing) {
  const LayerTopk layers({1, 1000, 1, 1000});
  for (const std::int64_t tokens : all(layers, 1)) EXPECT_GE(tokens, 1);
  EXPECT_EQ(layers.least(1), 1);
}

TEST(LayerTopk, TheMostOfItsOwnMeanIsTheListsHoweverThatWasRounded) {
  EXPECT_EQ(LayerTopk({1024, 256, 255}).most(512), 1024);
  EXPECT_EQ(LayerTopk({1024, 256, 257}).most(512), 1024);
}

TEST(LayerTopk, TheMostIsOfEverySmallerMeanToo) {
  const LayerTopk layers({3, 1000, 17, 401});
  for (std::int64_t mean = 1; mean < 900; ++mean)
    for (std::int64_t i = 0; i < 4; ++i)
      for (const std::int64_t loaded : {mean, mean + 1, std::int64_t{900}})
        ASSERT_LE(layers.of(i, mean), layers.most(loaded)) << mean << " of " << loaded;
}

TEST(LayerTopk, NumbersPastAllReasonStillAddUp) {
  constexpr std::int64_t kHuge = (std::int64_t{1} << 31) - 1;
  const LayerTopk layers(std::vector<std::int64_t>(4096, kHuge));
  EXPECT_EQ(layers.mean(), kHuge);
  EXPECT_NEAR(static_cast<double>(layers.of(4095, kHuge - 1)), static_cast<double>(kHuge), 4);
}

TEST(IndexTopk, AListOfOneNumberOverAndOverIsThatNumber) {
  IndexerConfig indexer;
  set_index_topk(indexer, {512, 512, 512}, 3, "x");
  EXPECT_EQ(indexer.topk, 512);
  EXPECT_TRUE(indexer.layer_topk.uniform());
  set_index_topk(indexer, {512, 256, 512}, 3, "x");
  EXPECT_EQ(indexer.topk, 427);
  EXPECT_EQ(indexer.layer_topk.list(), (std::vector<std::int64_t>{512, 256, 512}));
}

TEST(IndexTopk, LayersThatShareASelectionHaveOneNumber) {
  IndexerConfig indexer;
  indexer.full = {true, false, true};
  EXPECT_NO_THROW(set_index_topk(indexer, {512, 512, 256}, 3, "x"));
  expect_error(
      [&] {
        set_index_topk(indexer, {512, 256, 256}, 3, "who: index_topk");
      },
      {"who: index_topk is 256 for layer 1", "expected 512", "shares"});
}

}  // namespace
}  // namespace dsa
