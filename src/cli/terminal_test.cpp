#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace dsa::cli {
namespace {

TEST(ProgressLine, ShowsShareAndSpeed) {
  EXPECT_EQ(progress_line(512, 1024, 2000),
            "reading [############            ]  50 %  512 of 1024 tokens  256 tok/s");
  EXPECT_EQ(progress_line(0, 10, 0), "reading [                        ]   0 %  0 of 10 tokens  0 tok/s");
}

TEST(ProgressLine, NothingToDoIsDone) {
  EXPECT_EQ(progress_line(0, 0, 1), "reading [########################] 100 %  0 of 0 tokens  0 tok/s");
}

TEST(ProgressLine, OtherWordsWithoutASpeed) {
  EXPECT_EQ(progress_line(1, 2, 2000, {.verb = "asking", .unit = "samples", .speed = ""}),
            "asking [############            ]  50 %  1 of 2 samples");
}

TEST(CatchInterrupt, SetsTheFlagAndStartsClear) {
  {
    const CatchInterrupt interrupt;
    EXPECT_FALSE(interrupt.flag());
    ::raise(SIGINT);
    EXPECT_TRUE(interrupt.flag());
  }
  const CatchInterrupt next;
  EXPECT_FALSE(next.flag());
}

TEST(CatchInterruptDeathTest, SecondOneEndsTheProgram) {
  EXPECT_EXIT(
      {
        const CatchInterrupt interrupt;
        ::raise(SIGINT);
        ::raise(SIGINT);
      },
      ::testing::ExitedWithCode(130), "");
}

}  // namespace
}  // namespace dsa::cli
