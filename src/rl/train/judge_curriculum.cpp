#include "base/draws.h"
#include "rl/rewards/rubric.h"
#include "rl/train/curriculum.h"
#include "rl/train/judge.h"

namespace dsa::rl {
namespace {

constexpr std::uint64_t kQuestions = std::uint64_t{13} << 32;
constexpr std::uint64_t kHeldOutAttempts = 1;  // training has the settings' seed, shifted
constexpr std::int64_t kJudgedLook = 100;      // attempts of each domain

std::uint64_t spoilt_by(std::int64_t seed) { return static_cast<std::uint64_t>(seed) * 2; }

}  // namespace

// Half the questions are whether the answer is right: the line that needs most.
Played JudgeCurriculum::at(std::int64_t place) {
  const auto drawn = source_.training(place);
  const auto transcript = drawn_attempt(*drawn.domain, drawn.task->id(), spoilt_by(settings_.seed));
  Draws draws(static_cast<std::uint64_t>(settings_.seed), kQuestions + static_cast<std::uint64_t>(place));
  const auto line = draws.below(2) == 0
                        ? std::size_t{0}
                        : static_cast<std::size_t>(draws.below(static_cast<std::int64_t>(kRubric.size())));
  const JudgeWording wording(tokenizer_);
  Played out;
  out.tokens = wording.question({.task = drawn.task.get(), .transcript = &transcript}, kRubric[line]);
  if (std::ssize(out.tokens) >= settings_.context) {
    out.tokens.resize(static_cast<std::size_t>(settings_.context));
    out.cut = true;
    return out;
  }
  out.written.push_back(static_cast<std::int32_t>(out.tokens.size()));
  out.tokens.push_back(wording.verdict(rubric_of(transcript)[line].yes));
  return out;
}

std::optional<train::RewardRecord> JudgeCurriculum::look(OpenedModel model, const Exec& exec,
                                                         const std::atomic<bool>& cancel) {
  std::vector<TaskSource::Drawn> drawn;
  std::vector<Transcript> transcripts;
  for (const DomainShare& domain : domains_) {
    const DomainShare alone[] = {domain.alone()};
    const TaskSource source(alone, settings_);
    for (std::int64_t i = 0; i < kJudgedLook; ++i) {
      drawn.push_back(source.held_out(i));
      transcripts.push_back(drawn_attempt(*drawn.back().domain, drawn.back().task->id(),
                                          spoilt_by(settings_.seed) + kHeldOutAttempts));
    }
  }
  std::vector<Attempt> attempts;
  for (std::size_t i = 0; i < drawn.size(); ++i)
    attempts.push_back({.task = drawn[i].task.get(), .transcript = &transcripts[i]});
  const auto verdicts =
      Judge(std::move(model), tokenizer_, settings_.context, exec).verdicts(attempts, cancel);
  if (!verdicts) return std::nullopt;
  train::RewardRecord out;
  const Verdicts shares = agreement(attempts, *verdicts);
  for (std::size_t line = 0; line < shares.size(); ++line)
    out.domains.emplace_back(std::string(kRubric[line]), shares[line]);
  out.solved = judged_score(shares);
  return out;
}

}  // namespace dsa::rl
