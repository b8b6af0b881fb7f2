// The loop, with a training that only counts.
#include "train/loop/training_loop.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "testing/test_files.h"

namespace dsa::train {
namespace {

/// Reads ten tokens a step; writes down what it is asked for.
class Counting final : public Training {
 public:
  explicit Counting(const Budget& budget, TrainingPlan plan = {})
      : plan_(std::move(plan)), progress_(first_progress(budget)) {}

  [[nodiscard]] const TrainingPlan& plan() const override { return plan_; }
  [[nodiscard]] Progress& progress() override { return progress_; }
  std::optional<StepRecord> step(const std::atomic<bool>& cancel) override {
    if (cancel) return std::nullopt;
    if (progress_.step == fails_at) fail("layer 3: the loss is not a finite number");
    calls += fmt::format("{}", progress_.stage);
    return StepRecord{.context = 5, .batch = 2};
  }
  [[nodiscard]] std::string reading() override { return "tokens 0 to 5 of a"; }
  std::optional<StepRecord> look(const std::atomic<bool>& cancel) override {
    if (cancel) return std::nullopt;
    calls += "l";
    return StepRecord{.context = 5};
  }
  std::optional<double> seconds_a_token(std::size_t stage, const std::atomic<bool>&) override {
    calls += fmt::format("t{}", stage);
    return 3.0;
  }
  void save(const TrainLog&) override { calls += "s"; }
  void finish(const TrainLog&) override { calls += "f"; }
  [[nodiscard]] ReportSubject describe() const override {
    return {.title = {},
            .command = {},
            .model = {},
            .progress = progress_,
            .identity = identity_,
            .settings = {}};
  }

  std::string calls;
  std::int64_t fails_at = -1;

 private:
  TrainingPlan plan_;
  Progress progress_;
  Identity identity_;
};

class LoopTest : public ::testing::Test {
 protected:
  Outcome run(Training& training, double save_seconds = 1e9, const TrainerEvents& events = {}) {
    TrainingLoop loop(training, {.folder = folder_.path(), .save_seconds = save_seconds});
    const Outcome outcome = loop.run(events, cancel_);
    records_ = loop.log().records();
    return outcome;
  }

  TempFolder folder_;
  std::atomic<bool> cancel_ = false;
  std::vector<StepRecord> records_;
};

TEST_F(LoopTest, StepsUntilTheBudgetIsUsedUp) {
  Counting training({.tokens = 25, .hours = 0});
  EXPECT_EQ(run(training), Outcome::done);
  EXPECT_EQ(training.calls, "s000sf") << "the first checkpoint says that the disk has room";
  ASSERT_EQ(records_.size(), 3U);
  EXPECT_EQ(records_[2].step, 3);
  EXPECT_EQ(records_[2].tokens, 30);
  EXPECT_GE(records_[2].elapsed, records_[1].elapsed);
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "report.html"));
}

TEST_F(LoopTest, SavesByTheClock) {
  Counting training({.tokens = 20, .hours = 0});
  run(training, /*save_seconds=*/0);
  EXPECT_EQ(training.calls, "s0s0ssf");
}

TEST_F(LoopTest, StagesFollowTheirShares) {
  Counting training({.tokens = 80, .hours = 0}, {.shares = {0.25, 0.5, 0.25}});
  run(training);
  EXPECT_EQ(training.calls, "s00111122sf");
  EXPECT_EQ(training.progress().stage_step, 2);
}

TEST_F(LoopTest, LooksAtHeldOutTextEvenlyAndAtTheEnd) {
  Counting training({.tokens = 80, .hours = 0}, {.looks = 4});
  run(training);
  EXPECT_EQ(training.calls, "s0l0l00l00l00lsf");
  EXPECT_TRUE(records_[1].held_out);
  EXPECT_EQ(records_[1].step, 1);
  EXPECT_EQ(records_[1].tokens, 10);
}

TEST_F(LoopTest, LooksAtTheEndsOfStagesToo) {
  Counting training({.tokens = 80, .hours = 0},
                    {.shares = {0.125, 0.5, 0.375}, .looks = 1, .look_at_stage_ends = true});
  run(training);
  EXPECT_EQ(training.calls, "s0l1111l222lsf");
}

TEST_F(LoopTest, HoursBecomeTokensBySharesOfWhatEachStageCosts) {
  Counting training({.tokens = 0, .hours = 1}, {.shares = {0.5, 0.5}});
  // A step of the first stage takes next to nothing, a token of the second three seconds.
  run(training);
  EXPECT_EQ(training.calls.find("t1"), 21U) << "behind twenty steps";
  EXPECT_NEAR(static_cast<double>(training.progress().budget), 2400, 10);
  EXPECT_EQ(training.progress().hours, 1);
}

TEST_F(LoopTest, CancelledItSavesAndLeavesWhatItHas) {
  Counting training({.tokens = 80, .hours = 0});
  const auto stop = [&](const StepRecord& r) { cancel_ = r.step == 2; };
  EXPECT_EQ(run(training, 1e9, {.step = stop, .saved = {}}), Outcome::cancelled);
  EXPECT_EQ(training.calls, "s00sf");
  cancel_ = false;
  EXPECT_EQ(run(training), Outcome::done);
  EXPECT_EQ(training.calls, "s00sf000000sf")
      << "a resumed training keeps its checkpoint until it has made a step";
  EXPECT_EQ(records_.size(), 8U);
}

TEST_F(LoopTest, AStepThatFailsIsNamedAndTheCheckpointStays) {
  Counting training({.tokens = 80, .hours = 0});
  training.fails_at = 2;
  expect_error(
      [&] { run(training); },
      {"step 3, layer 3: the loss is not a finite number, on tokens 0 to 5 of a; the last good checkpoint",
       "checkpoint.safetensors"});
  EXPECT_EQ(training.calls, "s00");
}

TEST_F(LoopTest, TellsHowLongItWillBe) {
  TrainLog log(folder_.path() / "log", 0);
  EXPECT_FALSE(remaining_seconds({.budget = 100}, log).has_value()) << "nothing is known yet";
  log.add({.step = 1, .tokens = 10, .seconds = 2, .context = 10});
  log.add({.step = 1, .tokens = 10, .seconds = 50, .held_out = true, .context = 10});
  EXPECT_DOUBLE_EQ(*remaining_seconds({.tokens = 10, .budget = 100}, log), 18);
  EXPECT_FALSE(remaining_seconds({.tokens = 10}, log).has_value());
}

}  // namespace
}  // namespace dsa::train
