#include "engine/prefix_tree.h"

#include <gtest/gtest.h>

#include "base/numeric.h"
#include "engine/prefix_key.h"
#include "kernels/types.h"

namespace dsa {
namespace {

using Tokens = std::vector<std::int32_t>;

class PrefixTreeTest : public testing::Test {
 protected:
  // As a sequence would: computed, kept, let go.
  PrefixTree::Node* keep(PrefixTree::Node* parent, const Tokens& tokens) {
    const auto page = pool_.allocate();
    EXPECT_TRUE(page);
    auto* node = tree_.insert(parent, key(parent, tokens), tokens, rule_, *page);
    pool_.release({&*page, 1});
    return node;
  }
  PrefixTree::Node* find(PrefixTree::Node* parent, const Tokens& tokens) {
    return tree_.find(parent, key(parent, tokens), tokens);
  }
  PageKey key(const PrefixTree::Node* parent, const Tokens& tokens) const {
    return page_key(parent->key(), tokens, rule_, (parent->index() + 1) * kPageTokens);
  }
  static Tokens page(std::int32_t first) {
    Tokens out(usize(kPageTokens));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = first + static_cast<std::int32_t>(i);
    return out;
  }

  PagePool pool_{4};
  PrefixTree tree_{pool_};
  SelectionRule rule_;
  PrefixTree::Node* root_ = tree_.root({});
};

TEST_F(PrefixTreeTest, APageIsFoundBehindThoseBeforeItAlone) {
  auto* a = keep(root_, page(0));
  auto* b = keep(a, page(100));
  EXPECT_EQ(find(root_, page(0)), a);
  EXPECT_EQ(find(a, page(100)), b);
  EXPECT_EQ(find(root_, page(100)), nullptr);
  EXPECT_EQ(find(tree_.root({std::byte{1}}), page(0)), nullptr);
  EXPECT_EQ(b->index(), 1);
  EXPECT_EQ(tree_.size(), 2);
}

TEST_F(PrefixTreeTest, TheSamePageIsKeptOnce) {
  auto* a = keep(root_, page(0));
  EXPECT_EQ(keep(root_, page(0)), a);
  EXPECT_EQ(tree_.size(), 1);
  EXPECT_EQ(pool_.available(), 3);
}

TEST_F(PrefixTreeTest, APartIsAsLongAsTokensAndAttentionAgree) {
  auto* a = keep(root_, page(0));
  Tokens other = page(0);
  other[40] = -1;
  auto part = tree_.find_part(root_, other, rule_, 0);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->tokens, 40);
  EXPECT_EQ(part->page, a->page());
  part = tree_.find_part(root_, other, {.attention = AttentionMode::sparse, .topk = 10}, 0);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->tokens, 10);
  EXPECT_FALSE(tree_.find_part(root_, page(7), rule_, 0));
}

TEST_F(PrefixTreeTest, OfPartsThatBeginAlikeTheLongestIsKept) {
  const Tokens whole = page(0);
  keep(root_, Tokens(whole.begin(), whole.begin() + 10));
  keep(root_, Tokens(whole.begin(), whole.begin() + 30));
  EXPECT_EQ(tree_.size(), 1);
  keep(root_, Tokens(whole.begin(), whole.begin() + 20));
  EXPECT_EQ(tree_.size(), 1);
  keep(root_, whole);
  EXPECT_EQ(tree_.size(), 1);
  EXPECT_EQ(tree_.find_part(root_, whole, rule_, 0)->tokens, kPageTokens);
}

TEST_F(PrefixTreeTest, APartWhosePageIsWrittenOnIsKeptOnce) {
  const Tokens whole = page(0);
  const auto mine = *pool_.allocate();
  const auto insert = [&](std::ptrdiff_t count) {
    const Tokens tokens(whole.begin(), whole.begin() + count);
    tree_.insert(root_, page_key(root_->key(), tokens, rule_, 0), tokens, rule_, mine);
  };
  for (const std::ptrdiff_t count : {10, 30, 64}) {
    insert(count);
    EXPECT_EQ(tree_.size(), 1);
    EXPECT_EQ(pool_.holders(mine), 2);
  }
  pool_.release({&mine, 1});
  EXPECT_EQ(tree_.evictable(), 1);
  EXPECT_TRUE(tree_.evict());
  EXPECT_EQ(pool_.available(), pool_.size());
}

TEST_F(PrefixTreeTest, TheLongestUnusedGoesFirstAndNeverWhatOthersStandOn) {
  auto* a = keep(root_, page(0));
  keep(a, page(100));
  keep(root_, page(200));
  auto* d = keep(root_, page(300));
  EXPECT_EQ(pool_.available(), 0);
  EXPECT_NE(find(a, page(100)), nullptr);  // used
  EXPECT_TRUE(tree_.evict());
  EXPECT_EQ(find(root_, page(200)), nullptr);
  const std::int32_t held = d->page();
  pool_.share({&held, 1});
  EXPECT_EQ(tree_.evictable(), 2);
  EXPECT_TRUE(tree_.evict());
  EXPECT_EQ(find(a, page(100)), nullptr);
  EXPECT_TRUE(tree_.evict());
  EXPECT_FALSE(tree_.evict()) << "a page that is held was evicted";
  EXPECT_EQ(pool_.available(), 3);
}

TEST_F(PrefixTreeTest, WholePagesWaitToBeSavedInTheirOrder) {
  std::vector<std::int64_t> lost;
  tree_.on_lost = [&](const PrefixTree::Node& node) { lost.push_back(node.tokens()[0]); };
  auto* a = keep(root_, page(0));
  keep(a, page(100));
  keep(root_, Tokens{1, 2, 3});
  EXPECT_EQ(tree_.unsaved(), a);
  tree_.mark_saved(a);
  ASSERT_NE(tree_.unsaved(), nullptr);
  EXPECT_EQ(tree_.unsaved()->tokens(), page(100));
  while (tree_.evict()) {
  }
  EXPECT_EQ(lost, (std::vector<std::int64_t>{100}));
  EXPECT_EQ(tree_.unsaved(), nullptr);
}

}  // namespace
}  // namespace dsa
