#include "rl/train/grpo_trainer.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/numeric.h"
#include "base/rng.h"
#include "base/stopwatch.h"
#include "train/loop/learning_rate.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kLooks = 4;        // at tasks that are not trained on, evenly over the budget
constexpr std::int64_t kLookTasks = 24;   // of each domain
constexpr std::int64_t kWatchEvery = 10;  // steps: what the selections keep of attention
constexpr std::uint64_t kPlays = std::uint64_t{9} << 32;  // stream of the episodes' seeds

Objective objective_of(const GrpoSettings& s) {
  Objective out = objective_named(s.objective);
  out.kl = s.kl;
  out.off_policy = s.off_policy;
  return out;
}

// A copy of the base, to be run beside what becomes of it.
std::unique_ptr<LoadedModel> reference_of(const TrainingContext& context, const GrpoSettings& s) {
  if (s.kl == 0) return nullptr;
  return loaded(with_indexer(open_model(context.base.path), {.indexer_folders = context.indexer_folders}),
                s.context, 1, context.exec);
}

}  // namespace

GrpoTrainer::GrpoTrainer(const TrainingContext& context, Checkpoint checkpoint, Judge* judge)
    : context_(context),
      checkpoint_(std::move(checkpoint)),
      plan_{.looks = kLooks},
      objective_(objective_of(settings())),
      policy_(policy_of(context, settings())),
      wording_(context.base.config, context.tokenizer),
      source_(context.domains, settings()),
      reference_(reference_of(context, settings())),
      judge_(judge) {
  DSA_CHECK(settings().judge.empty() == (judge == nullptr));
  if (!checkpoint_.main.empty()) policy_->restore(checkpoint_, context.folder);
}

std::string GrpoTrainer::reading() {
  const auto places = checkpoint_.order.step(settings().tasks, settings().again);
  return fmt::format("tasks {} to {}", places.front(), places.back());
}

std::optional<Groups> GrpoTrainer::play_groups(Runner& runner, const std::vector<TaskSource::Drawn>& drawn,
                                               const std::atomic<bool>& cancel) {
  std::vector<Seat> seats;
  for (const auto& d : drawn) seats.push_back(d.seat());
  const CounterRng seeds(static_cast<std::uint64_t>(settings().seed), kPlays);
  return play(runner, wording_, seats,
              {.samples = settings().samples,
               .message_tokens = settings().message_tokens,
               .context = settings().context,
               .top_p = settings().top_p,
               .seed = seeds.at(static_cast<std::uint64_t>(checkpoint_.progress.step)),
               .run = run_options(settings())},
              cancel);
}

bool GrpoTrainer::judge(const std::vector<TaskSource::Drawn>& drawn, Groups& groups,
                        const std::atomic<bool>& cancel) {
  if (judge_ == nullptr) return true;
  std::vector<std::vector<Transcript>> transcripts(groups.size());
  std::vector<Attempt> attempts;
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const Played& one : groups[g]) transcripts[g].push_back(rl::play(*drawn[g].task, one.messages));
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const Transcript& transcript : transcripts[g])
      attempts.push_back({.task = drawn[g].task.get(), .transcript = &transcript});
  const auto verdicts = judge_->verdicts(attempts, cancel);
  if (!verdicts) return false;
  std::size_t i = 0;
  for (auto& group : groups)
    for (Played& one : group) {
      one.rubric = rubric_score(rubric_of(*attempts[i].transcript));
      one.judged = judged_score((*verdicts)[i++]);
    }
  return true;
}

std::optional<GrpoTrainer::Notes> GrpoTrainer::notes(LoadedModel& model, const ChoiceNotes& choices,
                                                     std::span<const Lesson> lessons,
                                                     const std::atomic<bool>& cancel) {
  Notes out;
  const bool cut = settings().top_p < 1;
  Tracer own(model, run_options(settings()));
  std::optional<Tracer> reference;
  if (reference_ != nullptr) reference.emplace(*reference_, run_options(settings()));
  for (const Lesson& lesson : lessons) {
    const Played& played = *lesson.played;
    TraceOrder order{.tokens = played.tokens, .written = played.written, .top_p = settings().top_p};
    if (cut) {
      auto read = own.read(order, cancel);
      if (!read) return std::nullopt;
      out.traces.push_back(std::move(*read));
    } else if (settings().replay == "selections") {
      out.traces.push_back(choices.of(played.tokens));
    }
    if (reference) {
      order.top_p = 1;
      if (cut) order.kept = out.traces.back().kept;
      auto theirs = reference->read(order, cancel);
      if (!theirs) return std::nullopt;
      out.reference.push_back(std::move(theirs->log_probs));
    }
  }
  return out;
}

bool GrpoTrainer::learn(std::span<const Lesson> lessons, const Notes& notes, train::StepRecord& record,
                        ObjectiveFigures& figures, const std::atomic<bool>& cancel) {
  std::vector<Policy::Sequence> sequences;
  const bool again = settings().replay == "selections", cut = settings().top_p < 1;
  for (std::size_t i = 0; i < lessons.size(); ++i)
    sequences.push_back({.tokens = lessons[i].played->tokens,
                         .trained = lessons[i].played->written,
                         .choices = again ? &notes.traces[i] : nullptr,
                         .kept = cut ? std::span<const std::vector<std::int32_t>>(notes.traces[i].kept)
                                     : std::span<const std::vector<std::int32_t>>()});
  const BatchSize size = size_of(lessons, settings().context);
  const bool train_indexers = settings().indexers == "train";
  const auto result = policy_->run(
      {.sequences = sequences,
       .stage = stage_of(settings()),
       .train_indexers = train_indexers,
       .slopes =
           [&](std::size_t i, std::span<const float> log_probs, std::span<float> slopes) {
             add_answer(objective_,
                        {.advantage = lessons[i].advantage,
                         .now = log_probs,
                         .old = cut ? notes.traces[i].log_probs : lessons[i].played->log_probs,
                         .reference = notes.reference.empty() ? std::span<const float>()
                                                              : std::span<const float>(notes.reference[i])},
                        size, slopes, figures);
           }},
      cancel);
  if (!result) return false;
  const double main = train::rate_at({.peak = settings().lr, .rise = settings().rise, .last = 1},
                                     checkpoint_.progress.step, checkpoint_.progress.done());
  const double indexer =
      train_indexers ? train::rate_at({.peak = settings().indexer_lr, .rise = settings().rise, .last = 1},
                                      checkpoint_.progress.step, checkpoint_.progress.done())
                     : 0;
  const auto norms = policy_->update({.main = main, .indexer = indexer, .clip = settings().clip});
  record.main = train::MainRecord{.gradient_norm = norms.main, .learning_rate = main};
  if (!result->indexers.empty()) {
    const auto kept = record.indexer.kept;
    record.indexer = train::record_of(result->indexers);
    record.indexer.kept = kept;
  }
  record.indexer.gradient_norm = norms.indexer;
  record.indexer.learning_rate = indexer;
  return true;
}

std::optional<train::StepRecord> GrpoTrainer::step(const std::atomic<bool>& cancel) {
  const train::Progress& p = checkpoint_.progress;
  const auto places = checkpoint_.order.step(settings().tasks, settings().again);
  std::vector<TaskSource::Drawn> drawn;
  for (const std::int64_t place : places) drawn.push_back(source_.training(place));
  const Stopwatch watch;
  const auto model = loaded(policy_->snapshot(context_.folder), settings().context,
                            settings().tasks * settings().samples, context_.exec);
  ChoiceNotes choices(*model);
  auto groups = play_groups(choices, drawn, cancel);
  if (!groups || !judge(drawn, *groups, cancel)) return std::nullopt;
  train::StepRecord record{.context = settings().context, .batch = settings().tasks * settings().samples};
  record.reward =
      record_of(*groups, settings(), [&](std::size_t g) { return std::string(drawn[g].domain->name); });
  record.reward->seconds = watch.seconds();
  for (const auto& group : *groups)
    for (const Played& played : group) record.own_tokens += std::ssize(played.tokens);

  if (p.step % kWatchEvery == 0 && stage_of(settings()) == train::StageKind::sparse) {
    std::vector<Policy::Sequence> watched;
    for (const auto& group : *groups) watched.push_back({.tokens = group.front().tokens, .trained = {}});
    const auto seen = policy_->watch_indexers(watched, cancel);
    if (!seen) return std::nullopt;
    record.indexer = *seen;
  }
  const auto learnt = lessons(*groups, settings());
  const auto parts = deal(learnt, settings().updates);
  std::vector<Notes> noted;
  for (const auto& part : parts) {
    auto own = notes(*model, choices, part, cancel);
    if (!own) return std::nullopt;
    noted.push_back(std::move(*own));
  }
  const std::atomic<bool> never = false;
  ObjectiveFigures figures;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    // Once the weights have moved there is no way back.
    if (!learn(parts[i], noted[i], record, figures, i == 0 ? cancel : never)) return std::nullopt;
    if (i == 0) record.reward->mismatch = figures.largest_change;
  }
  if (figures.tokens > 0) {
    const auto tokens = static_cast<double>(figures.tokens);
    record.reward->kl = reference_ ? figures.kl / tokens : 0;
    record.reward->clipped = static_cast<double>(figures.clipped_low + figures.clipped_high) / tokens;
    record.reward->masked = static_cast<double>(figures.masked) / static_cast<double>(figures.answers);
  }
  std::vector<std::size_t> taught;
  for (const Lesson& lesson : learnt)
    if (taught.empty() || taught.back() != lesson.group) taught.push_back(lesson.group);
  checkpoint_.order.played(places, taught, settings().again);
  checkpoint_.without_signal = parts.empty() ? checkpoint_.without_signal + 1 : 0;
  if (gave_up()) checkpoint_.progress.budget = p.tokens + record.step_tokens();
  return record;
}

std::optional<train::StepRecord> GrpoTrainer::look(const std::atomic<bool>& cancel) {
  train::StepRecord record{.context = settings().context};
  const auto groups = play_held_out(policy_->snapshot(context_.folder), context_.tokenizer,
                                    {.domains = context_.domains,
                                     .settings = settings(),
                                     .message_tokens = settings().message_tokens,
                                     .tasks = kLookTasks},
                                    context_.exec, cancel);
  if (!groups) return std::nullopt;
  record.reward = record_of(*groups, {}, [&](std::size_t g) {
    return std::string(context_.domains[g / usize(kLookTasks)].domain->name);
  });
  return record;
}

void GrpoTrainer::save(const train::TrainLog&) {
  std::ranges::copy(policy_->indexer().values(), checkpoint_.indexer.values().begin());
  write_policy_checkpoint(context_.folder / train::kCheckpointFile, checkpoint_, policy_->trained().values(),
                          policy_->optimizers());
}

void GrpoTrainer::finish(const train::TrainLog& log) { publish(context_, *policy_, describe(), log); }

train::ReportSubject GrpoTrainer::describe() const {
  return {.title = "Training by reward",
          .command = "dsa rl grpo",
          .model = context_.base.path.string(),
          .progress = checkpoint_.progress,
          .identity = checkpoint_.identity,
          .settings = train::settings_rows(checkpoint_.settings)};
}

}  // namespace dsa::rl
