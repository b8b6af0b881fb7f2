// A few tasks that a model plays, and what training makes of the same tokens.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "rl/train/choice_notes.h"
#include "rl/train/held_out.h"
#include "rl/train/policy.h"
#include "rl/train/training_base.h"

namespace dsa::test {

struct PlayedSample {
  rl::Groups groups;
  std::vector<rl::Trace> traces;                // of all episodes in turn
  std::vector<rl::Policy::Sequence> sequences;  // of the same; their tokens are in `groups`
};

/// What was noted in play is what is chosen in reading again; but for the last token, which nobody read.
inline void expect_same_choices(const rl::Trace& noted, const rl::Trace& read, std::int64_t tokens) {
  ASSERT_EQ(noted.experts.size(), read.experts.size());
  for (std::size_t layer = 0; layer < read.experts.size(); ++layer) {
    ASSERT_EQ(noted.experts[layer].size(), read.experts[layer].size());
    const auto rows = static_cast<std::ptrdiff_t>(read.experts[layer].size()) / tokens * (tokens - 1);
    EXPECT_TRUE(std::equal(noted.experts[layer].begin(), noted.experts[layer].begin() + rows,
                           read.experts[layer].begin()))
        << "layer " << layer;
  }
  for (std::size_t layer = 0; layer < noted.selections.size(); ++layer) {
    const auto &mine = noted.selections[layer], &theirs = read.selections[layer];
    ASSERT_EQ(mine.count.size(), theirs.count.size());
    for (std::int64_t t = 0; t + 1 < tokens && !mine.count.empty(); ++t)
      EXPECT_TRUE(std::ranges::equal(mine.row(t), theirs.row(t))) << "layer " << layer << ", row " << t;
  }
}

/// `tasks` tasks, three episodes each, and each read again; their choices are those noted in play.
inline PlayedSample played_sample(LoadedModel& model, const rl::Wording& wording,
                                  std::span<const rl::DomainShare> domains, const rl::TaskSettings& settings,
                                  std::int64_t tasks, double top_p) {
  const rl::TaskSource source(domains, settings);
  std::vector<rl::TaskSource::Drawn> drawn;
  std::vector<rl::Seat> seats;
  for (std::int64_t i = 0; i < tasks; ++i) drawn.push_back(source.training(i));
  for (const auto& d : drawn) seats.push_back(d.seat());
  rl::ChoiceNotes runner(model);
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
      rl::Trace noted = runner.of(p.tokens);
      expect_same_choices(noted, out.traces.back(), std::ssize(p.tokens));
      out.traces.back().experts = std::move(noted.experts);
      out.traces.back().selections = std::move(noted.selections);
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
