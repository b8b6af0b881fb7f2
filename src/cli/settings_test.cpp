#include "cli/settings.h"

#include <gtest/gtest.h>

namespace dsa::cli {
namespace {

TEST(Settings, AreSaidAsTheyAreTyped) {
  EXPECT_EQ(as_typed("the prompt has 9 tokens: raise `context`, or `context`"),
            "the prompt has 9 tokens: raise --ctx, or --ctx");
  EXPECT_EQ(as_typed("(try `compute` f32)"), "(try --compute f32)");
  EXPECT_EQ(as_typed("`index_topk` 5; `dsa train indexer` makes one"),
            "--top-k 5; `dsa train indexer` makes one");
  EXPECT_EQ(as_typed("`indexer_lr` 0: expected more"), "--indexer-lr 0: expected more");
  EXPECT_EQ(as_typed("`no` `raw`"), "`no` --raw");
  EXPECT_EQ(as_typed("context `"), "context `");
}

}  // namespace
}  // namespace dsa::cli
