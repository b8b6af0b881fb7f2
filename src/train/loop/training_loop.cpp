#include "train/loop/training_loop.h"

#include <algorithm>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/stopwatch.h"
#include "base/who.h"
#include "train/loop/share_list.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kTimedSteps = 20;  // before hours become tokens, unless these are over

// Of the steps so far; at least one.
double mean_seconds_a_token(const TrainLog& log) {
  double seconds = 0;
  std::int64_t tokens = 0;
  for (const StepRecord& r : log.records())
    if (!r.held_out) seconds += r.seconds, tokens += r.step_tokens();
  DSA_CHECK(tokens > 0);
  return seconds / static_cast<double>(tokens);
}

}  // namespace

std::optional<double> Training::seconds_a_token(std::size_t, const std::atomic<bool>&) { DSA_CHECK(false); }

TrainingLoop::TrainingLoop(Training& training, TrainerFiles files)
    : training_(training),
      files_(std::move(files)),
      log_(files_.folder / "train_log.jsonl", training.progress().step),
      last_save_(log_.elapsed()) {}

Outcome TrainingLoop::run(const TrainerEvents& events, const std::atomic<bool>& cancel) {
  const Progress& p = training_.progress();
  if (p.step == 0) training_.save(log_);  // a disk that is full says so now, not in an hour
  while (!p.finished()) {
    enter_stage();
    if (step(events, cancel) == Outcome::cancelled) break;
    if (p.budget == 0 && (p.step >= kTimedSteps || log_.elapsed() >= p.hours * 3600)) {
      if (turn_hours_into_tokens(cancel) == Outcome::cancelled) break;
      save(events);
    }
    if (look_is_due() && look_at_held_out(events, cancel) == Outcome::cancelled) break;
    if (log_.elapsed() - last_save_ >= files_.save_seconds) save(events);
  }
  save(events);
  training_.finish(log_);
  return p.finished() ? Outcome::done : Outcome::cancelled;
}

void TrainingLoop::enter_stage() {
  Progress& p = training_.progress();
  const auto stage = static_cast<std::int64_t>(place_at(training_.plan().shares, p.tokens, p.budget).stage);
  if (stage == p.stage) return;
  p.stage = stage;
  p.stage_step = 0;
}

Outcome TrainingLoop::step(const TrainerEvents& events, const std::atomic<bool>& cancel) {
  const Stopwatch watch;
  std::optional<StepRecord> record;
  Progress& p = training_.progress();
  try {
    record = training_.step(cancel);
  } catch (const Error& error) {
    fail("step {}, {}, on {}; the last good checkpoint is {} (a lower learning rate needs a new training)",
         p.step + 1, error.what(), training_.reading(), who(files_.folder / kCheckpointFile));
  }
  if (!record) return Outcome::cancelled;
  ++p.step;
  ++p.stage_step;
  p.tokens += record->step_tokens();
  add(std::move(*record), watch.seconds(), events);
  return Outcome::done;
}

// A token of a later stage costs another time: those are timed apart.
Outcome TrainingLoop::turn_hours_into_tokens(const std::atomic<bool>& cancel) {
  Progress& p = training_.progress();
  const auto& shares = training_.plan().shares;
  double mean = 0;
  for (std::size_t stage = 0; stage < shares.size(); ++stage) {
    const auto seconds = stage == 0 ? mean_seconds_a_token(log_) : training_.seconds_a_token(stage, cancel);
    if (!seconds) return Outcome::cancelled;
    mean += shares[stage] * *seconds;
  }
  p.budget = std::max(p.tokens + 1, static_cast<std::int64_t>(p.hours * 3600 / mean));
  return Outcome::done;
}

bool TrainingLoop::look_is_due() const {
  const TrainingPlan& plan = training_.plan();
  const Progress& p = training_.progress();
  if (plan.looks == 0) return false;
  if (p.budget > 0 && (p.tokens >= next_look_ || p.finished())) return true;
  return plan.look_at_stage_ends &&
         static_cast<std::int64_t>(place_at(plan.shares, p.tokens, p.budget).stage) != p.stage;
}

Outcome TrainingLoop::look_at_held_out(const TrainerEvents& events, const std::atomic<bool>& cancel) {
  const Progress& p = training_.progress();
  const std::int64_t part = std::max<std::int64_t>(1, p.budget / training_.plan().looks);
  next_look_ = (p.tokens / part + 1) * part;
  const Stopwatch watch;
  auto record = training_.look(cancel);
  if (!record) return Outcome::cancelled;
  record->held_out = true;
  add(std::move(*record), watch.seconds(), events);
  return Outcome::done;
}

void TrainingLoop::add(StepRecord record, double seconds, const TrainerEvents& events) {
  record.step = training_.progress().step;
  record.tokens = training_.progress().tokens;
  record.seconds = seconds;
  record.elapsed = log_.elapsed() + seconds;
  log_.add(record);
  if (events.step) events.step(record);
}

void TrainingLoop::save(const TrainerEvents& events) {
  training_.save(log_);
  write_file(files_.folder / "report.html", html_report(training_.describe(), log_));
  last_save_ = log_.elapsed();
  if (events.saved) events.saved(files_.folder / kCheckpointFile);
}

std::optional<double> remaining_seconds(const Progress& p, const TrainLog& log) {
  if (p.budget == 0 || log.records().empty()) return std::nullopt;
  // The last steps' speed, which later stages will not keep: a lower bound until the last stage.
  double seconds = 0;
  std::int64_t tokens = 0;
  for (auto r = log.records().rbegin(); r != log.records().rend() && tokens < 16 * r->step_tokens(); ++r)
    if (!r->held_out) seconds += r->seconds, tokens += r->step_tokens();
  if (tokens == 0) return std::nullopt;
  return static_cast<double>(std::max<std::int64_t>(0, p.budget - p.tokens)) * seconds /
         static_cast<double>(tokens);
}

}  // namespace dsa::train
