#include "engine/scheduler.h"

#include <gtest/gtest.h>

namespace dsa {
namespace {

using Shares = std::vector<std::pair<std::int64_t, std::int64_t>>;

Shares planned(std::vector<Candidate> candidates, std::int64_t rows, std::int64_t piece) {
  by_urgency(candidates);
  Shares out;
  for (const Share& share : plan(candidates, rows, piece)) out.emplace_back(share.id, share.rows);
  return out;
}

TEST(Scheduler, EveryAnswerGetsItsRowAndPromptsWhatIsLeft) {
  EXPECT_EQ(planned({{.id = 1, .pending = 1, .writing = true},
                     {.id = 2, .pending = 900},
                     {.id = 3, .pending = 1, .writing = true}},
                    100, 50),
            (Shares{{1, 1}, {3, 1}, {2, 50}}));
  EXPECT_EQ(planned({{.id = 1, .pending = 1, .writing = true}, {.id = 2, .pending = 900}}, 20, 50),
            (Shares{{1, 1}, {2, 19}}));
  EXPECT_EQ(planned({{.id = 1, .pending = 1, .writing = true}, {.id = 2, .pending = 900}}, 20, 0),
            (Shares{{1, 1}}));
  EXPECT_EQ(planned({}, 20, 20), Shares{});
}

TEST(Scheduler, WhatIsShortGoesFirstAndWhatIsLeftGoesToTheNext) {
  EXPECT_EQ(planned({{.id = 1, .pending = 900}, {.id = 2, .pending = 30}}, 100, 100),
            (Shares{{2, 30}, {1, 70}}));
  EXPECT_EQ(planned({{.id = 1, .pending = 30}, {.id = 2, .pending = 30}}, 30, 30), (Shares{{1, 30}}));
}

TEST(Scheduler, WhoWaitedLongEnoughIsNotPassedBy) {
  const Candidate longer{.id = 1, .pending = 8000, .waited = 16};
  EXPECT_EQ(planned({longer, {.id = 2, .pending = 30}}, 10, 10), (Shares{{1, 10}}));
}

TEST(Scheduler, PriorityGoesBeforeLength) {
  EXPECT_EQ(planned({{.id = 1, .pending = 3}, {.id = 2, .priority = 1, .pending = 900}}, 10, 10),
            (Shares{{2, 10}}));
}

TEST(Scheduler, OfTheSameWorkTheMostUrgentDoesIt) {
  EXPECT_EQ(planned({{.id = 1, .pending = 500, .work = 7},
                     {.id = 2, .pending = 400, .work = 7},
                     {.id = 3, .pending = 600, .work = 8},
                     {.id = 4, .pending = 700}},
                    2000, 2000),
            (Shares{{2, 400}, {3, 600}, {4, 700}}));
}

}  // namespace
}  // namespace dsa
