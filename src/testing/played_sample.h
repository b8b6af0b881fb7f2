// A few tasks that a model plays, and what training makes of the same tokens.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "engine/model_runner.h"
#include "rl/train/held_out.h"
#include "rl/train/policy.h"
#include "rl/train/training_base.h"

namespace dsa::test {

struct PlayedSample {
  rl::Groups groups;
  std::vector<rl::Trace> traces;                // of all episodes in turn
  std::vector<rl::Policy::Sequence> sequences;  // of the same; their tokens are in `groups`
};

/// `tasks` tasks, three episodes each, and each read again.
inline PlayedSample played_sample(LoadedModel& model, const rl::Wording& wording,
                                  std::span<const rl::DomainShare> domains, const rl::TaskSettings& settings,
                                  std::int64_t tasks, double top_p) {
  const rl::TaskSource source(domains, settings);
  std::vector<rl::TaskSource::Drawn> drawn;
  std::vector<rl::Seat> seats;
  for (std::int64_t i = 0; i < tasks; ++i) drawn.push_back(source.training(i));
  for (const auto& d : drawn) seats.push_back(d.seat());
  ModelRunner runner(model);
  const RunOptions run = rl::run_options(settings);
  PlayedSample out;
  out.groups = *rl::play(
      runner, wording, seats,
      {.samples = 3, .message_tokens = 8, .context = settings.context, .top_p = top_p, .seed = 5, .run = run},
      false);
  rl::Tracer tracer(model, run);
  for (const auto& group : out.groups)
    for (const rl::Played& p : group) {
      out.traces.push_back(*tracer.read({.tokens = p.tokens, .written = p.written, .top_p = top_p}, false));
      out.sequences.push_back({.tokens = p.tokens, .trained = p.written});
    }
  return out;
}

/// Training's log-probabilities are those of play, whether choices are made `again` or anew.
inline void expect_trained_as_played(rl::Policy& policy, PlayedSample& sample,
                                     const rl::TaskSettings& settings, bool again) {
  for (std::size_t i = 0; i < sample.traces.size(); ++i) {
    if (again) sample.sequences[i].choices = &sample.traces[i];
    sample.sequences[i].kept = sample.traces[i].kept;
  }
  const auto result = policy.run({.sequences = sample.sequences, .stage = rl::stage_of(settings)}, false);
  for (std::size_t i = 0; i < sample.traces.size(); ++i) {
    ASSERT_FALSE(sample.traces[i].log_probs.empty());
    for (std::size_t t = 0; t < sample.traces[i].log_probs.size(); ++t)
      ASSERT_NEAR(result->log_probs[i][t], sample.traces[i].log_probs[t], 1e-5)
          << settings.attention << ", again " << again << ", episode " << i;
  }
}

}  // namespace dsa::test
