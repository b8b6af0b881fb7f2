#include "compare/side_spec.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace dsa::compare {
namespace {

TEST(SideSpec, ModesStandBehindTheModel) {
  EXPECT_EQ(parse_side("smollm2").model, "smollm2");
  EXPECT_EQ(parse_side("smollm2").run, RunOptions{});
  EXPECT_EQ(parse_side("smollm2:dense").model, "smollm2");
  EXPECT_EQ(parse_side("smollm2:dense").run.attention, AttentionMode::dense);
  const SideSpec both = parse_side("/models/x:sparse:top-k=1024");
  EXPECT_EQ(both.model, "/models/x");
  EXPECT_EQ(both.run.attention, AttentionMode::sparse);
  EXPECT_EQ(both.run.topk, 1024);
}

TEST(SideSpec, AUrlIsTakenWhole) {
  EXPECT_EQ(parse_side("http://localhost:8000/v1#a:dense").url, "http://localhost:8000/v1#a:dense");
  EXPECT_EQ(parse_side("https://x.example").model, "");
}

TEST(SideSpec, WhatIsNoModeIsAnError) {
  for (const char* text : {"", ":dense", "smollm2:dnse", "smollm2:top-k=", "smollm2:top-k=0",
                           "smollm2:top-k=4k", "smollm2:top-k=99999999999", "smollm2:dense:top-k=4"})
    EXPECT_THROW(parse_side(text), Error) << text;
}

}  // namespace
}  // namespace dsa::compare
