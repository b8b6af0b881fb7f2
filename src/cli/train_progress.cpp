#include "cli/train_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "cli/terminal.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

constexpr std::int64_t kPlainEvery = 10;  // steps between lines that are not drawn over
constexpr double kSmoothing = 0.1;        // weight of the newest KL

double smoothed(double before, double now) {
  return before == 0 ? now : before + kSmoothing * (now - before);
}

}  // namespace

std::string hours_minutes_seconds(double seconds) {
  const std::int64_t s = std::llround(seconds);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string training_line(const train::StepRecord& record, const train::Progress& progress,
                          const TrainingLine& line) {
  const double done = std::min(1.0, progress.done());
  std::string out =
      fmt::format("{} {} {:3.0f} %  step {}  {}", record.stage.empty() ? "training" : record.stage,
                  progress_bar(done, 20), 100 * done, record.step, record.tokens);
  if (progress.budget > 0) out += fmt::format(" of {}", progress.budget);
  out += fmt::format(" tokens  context {}", record.context);
  if (line.language_model > 0) out += fmt::format("  loss {:.3f}", line.language_model);
  if (const auto& reward = record.reward)
    out += fmt::format("  reward {:.3f}  solved {:.0f} %  {:.0f} tokens each", reward->reward,
                       100 * reward->solved, reward->written);
  if (line.kl > 0) out += fmt::format("  KL {:.3f}", line.kl);
  if (line.kept)
    out += fmt::format("  keeps {:.1f} of {:.1f} %", 100 * line.kept->indexer, 100 * line.kept->best);
  if (record.seconds > 0)
    out += fmt::format("  {:.0f} tok/s", static_cast<double>(record.step_tokens()) / record.seconds);
  if (line.remaining_seconds) out += "  ETA " + hours_minutes_seconds(*line.remaining_seconds);
  return out;
}

void TrainProgress::step(const train::StepRecord& record) {
  const train::IndexerRecord& indexer = record.indexer;
  if (indexer.kept) kept_ = indexer.kept;
  if (record.held_out) {
    clear();
    fmt::print(stderr, "held-out {} after {} tokens: ", record.reward ? "tasks" : "text", record.tokens);
    if (record.main) fmt::print(stderr, "loss {:.4f}", record.main->language_model);
    if (record.main && record.main->dense > 0) fmt::print(stderr, ", dense {:.4f}", record.main->dense);
    if (record.reward) {
      fmt::print(stderr, "{}solved", record.main ? ", " : "");
      for (const auto& [domain, share] : record.reward->domains)
        fmt::print(stderr, " {} {:.1f} %", domain, 100 * share);
    }
    if (indexer.kl > 0) fmt::print(stderr, "{}KL {:.4f}", record.main ? ", " : "", indexer.kl);
    if (indexer.kept)
      fmt::print(stderr, ", keeps {:.2f} of {:.2f} %", 100 * indexer.kept->indexer, 100 * indexer.kept->best);
    fmt::print(stderr, "\n");
    return;
  }
  smooth_kl_ = smoothed(smooth_kl_, indexer.kl);
  if (record.main) smooth_loss_ = smoothed(smooth_loss_, record.main->language_model);
  const bool terminal = stderr_is_terminal();
  if (!terminal && record.step % kPlainEvery != 0) return;
  const auto line = training_line(record, progress_,
                                  {.kl = smooth_kl_,
                                   .language_model = record.main ? smooth_loss_ : 0,
                                   .kept = kept_,
                                   .remaining_seconds = train::remaining_seconds(progress_, log_)});
  if (terminal)
    line_.draw(line);
  else
    fmt::print(stderr, "{}\n", line);
}

const train::StepRecord* last_look(const train::TrainLog& log) {
  const auto& records = log.records();
  const auto found = std::find_if(records.rbegin(), records.rend(), [](const auto& r) { return r.held_out; });
  return found == records.rend() ? nullptr : &*found;
}

int run_training(train::Training& training, const TrainOptions& o,
                 const std::function<std::string(const train::TrainingLoop&)>& closing) {
  const CatchInterrupt interrupt;
  train::TrainingLoop loop(training, {.folder = o.out, .save_seconds = o.save_seconds});
  TrainProgress progress(loop.progress(), loop.log());
  const auto outcome = loop.run({.step = [&](const train::StepRecord& r) { progress.step(r); }, .saved = {}},
                                interrupt.flag());
  progress.clear();
  const train::Progress& p = loop.progress();
  if (outcome == train::Outcome::cancelled) {
    fmt::print(stderr, "stopped after step {}; --resume goes on from there\n", p.step);
    return kInterrupted;
  }
  print(fmt::format("{} steps, {} tokens, {} of training\n", p.step, p.tokens,
                    hours_minutes_seconds(loop.log().elapsed())) +
        closing(loop));
  return kDone;
}

}  // namespace dsa::cli
