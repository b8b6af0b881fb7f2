// A model that is all cache: what it answers is a function of every token that it finds in its pages, so that
// a page that is lost, mixed up or written while another reads it gives another answer, or is found out at
// once.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>

#include "base/numeric.h"
#include "engine/runner.h"
#include "kernels/types.h"

namespace dsa::test {

inline constexpr std::int64_t kVocabulary = 260;  // bytes, and four tokens more

class FakeRunner final : public Runner {
 public:
  explicit FakeRunner(const Limits& limits) : limits_(limits), slots_(usize(limits.pages * kPageTokens)) {}

  /// What it says after `tokens`; `echo`: as the member.
  static std::int32_t next(std::span<const std::int32_t> tokens, const SelectionRule& rule,
                           std::int64_t vocabulary, std::int64_t echo = 0) {
    std::uint64_t state = kEmpty;
    for (std::size_t i = 0; i < tokens.size(); ++i)
      state = mix(state, tokens[i], rule, std::ssize(tokens.first(i)));
    if (echoes(state, echo, std::ssize(tokens))) return tokens[tokens.size() - usize(echo)];
    return static_cast<std::int32_t>(state % static_cast<std::uint64_t>(vocabulary));
  }

  [[nodiscard]] Limits limits() const override { return limits_; }
  void forward(const Batch& batch, TensorView<float, 2> logits, std::span<SequenceStatus> status) override {
    std::int64_t rows = 0, row = 0;
    std::vector<int> written(usize(limits_.pages));  // 1: read, 2: written by one sequence of the batch
    for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
      const SequenceSlice& s = batch.sequences[i];
      rows += std::ssize(s.tokens);
      status[i] = {};
      if (on_slice) on_slice(s);
      if (s.cancel != nullptr && *s.cancel) status[i].outcome = PassOutcome::cancelled;
      claim(s, written);
      const auto rule_of = rule(s.run);
      if (s.mtp_place)
        places_.at(*s.mtp_place) = {.end = s.first_position + std::ssize(s.tokens), .rule = rule_of};
      std::uint64_t state = past(s, rule_of);
      for (std::int64_t t = 0; t < std::ssize(s.tokens); ++t) {
        const std::int64_t at = s.first_position + t;
        state = mix(state, s.tokens[usize(t)], rule_of, at);
        slot(s, at) = {.token = s.tokens[usize(t)], .state = state};
        for (const auto wanted : s.logits_rows) {
          if (wanted != t) continue;
          auto said = static_cast<std::int64_t>(state % static_cast<std::uint64_t>(limits_.vocabulary));
          if (echoes(state, echo, at + 1)) said = slot(s, at + 1 - echo).token;
          std::ranges::fill(logits.span(row), 0.0F);
          logits.span(row++)[usize(said)] = 1;
        }
        ++(rule_of.selects(at + 1) ? status[i].attention.sparse_rows : status[i].attention.dense_rows);
      }
      if (bad_token >= 0 && std::ranges::find(s.tokens, bad_token) != s.tokens.end())
        status[i] = {.outcome = PassOutcome::not_finite};
    }
    EXPECT_LE(rows, limits_.rows);
    ++passes;
  }
  /// What it says next, but every so often something else.
  void guess(std::span<Mtp::Ask> asks) override {
    for (Mtp::Ask& ask : asks) {
      const Place& place = places_.at(ask.place);
      ask.made = 0;
      if (place.end < std::ssize(ask.tokens) - 1) continue;
      std::vector<std::int32_t> tokens(ask.tokens.begin(), ask.tokens.end());
      for (auto& guess : ask.guesses) {
        guess = next(tokens, place.rule, limits_.vocabulary, echo);
        if (wrong_guess > 0 && ++guesses % wrong_guess == 0)
          guess = static_cast<std::int32_t>((guess + 1) % limits_.vocabulary);
        tokens.push_back(guess);
      }
      ask.made = std::ssize(ask.guesses);
    }
  }
  void forget_mtp(std::int32_t place) override { places_[place] = {}; }
  [[nodiscard]] std::string why(const SequenceStatus&) const override { return "not finite"; }
  void check(const RunOptions& run) const override {
    if (run.topk < 0) fail("`index_topk` {}: expected 0 or more", run.topk);
  }
  [[nodiscard]] SelectionRule rule(const RunOptions& run) const override {
    return {.attention = run.attention, .topk = run.topk};
  }
  [[nodiscard]] std::size_t page_bytes() const override { return kPageTokens * sizeof(Slot); }
  void save_page(std::int32_t page, std::span<std::byte> to) const override {
    std::memcpy(to.data(), &slots_[usize(page * kPageTokens)], page_bytes());
  }
  void load_page(std::int32_t page, std::span<const std::byte> from) override {
    std::memcpy(&slots_[usize(page * kPageTokens)], from.data(), page_bytes());
  }
  void copy_page(std::int32_t from, std::int32_t to) override {
    std::memcpy(&slots_[usize(to * kPageTokens)], &slots_[usize(from * kPageTokens)], page_bytes());
  }

  std::int64_t passes = 0;
  std::int64_t echo = 0;  // it says what stood so many tokens before, but one time in eight; 0: never
  std::int64_t guesses = 0, wrong_guess = 3;  // by its own layer: made, and every such one is wrong
  std::int32_t bad_token = -1;                // a sequence that reads it is not finite
  std::function<void(const SequenceSlice& slice)> on_slice = {};  // before it is run

 private:
  struct Slot {
    std::int64_t token = 0;
    std::uint64_t state = 0;
  };
  static constexpr std::uint64_t kEmpty = 0x9E3779B97F4A7C15;
  static std::uint64_t mix(std::uint64_t state, std::int32_t token, const SelectionRule& rule,
                           std::int64_t at) {
    state ^= static_cast<std::uint64_t>(token) +
             (rule.selects(at + 1) ? 1000U + static_cast<std::uint64_t>(rule.topk) : 0U);
    state *= 0xBF58476D1CE4E5B9;
    return state ^ (state >> 29);
  }
  static bool echoes(std::uint64_t state, std::int64_t echo, std::int64_t size) {
    return echo > 0 && size >= echo && state % 8 != 0;
  }
  Slot& slot(const SequenceSlice& s, std::int64_t at) {
    return slots_[usize(s.page_table[usize(at / kPageTokens)] * kPageTokens + at % kPageTokens)];
  }
  // Every earlier slot must follow from the one before it.
  std::uint64_t past(const SequenceSlice& s, const SelectionRule& rule) {
    std::uint64_t state = kEmpty;
    for (std::int64_t at = 0; at < s.first_position; ++at) {
      const Slot& found = slot(s, at);
      state = mix(state, static_cast<std::int32_t>(found.token), rule, at);
      EXPECT_EQ(found.state, state) << "the cache is wrong at position " << at;
      state = found.state;
    }
    return state;
  }
  void claim(const SequenceSlice& s, std::vector<int>& used) const {
    const std::int64_t end = s.first_position + std::ssize(s.tokens);
    for (std::int64_t i = 0; i < ceil_div(end, kPageTokens); ++i) {
      const bool writes = i >= s.first_position / kPageTokens;
      int& use = used[usize(s.page_table[usize(i)])];
      EXPECT_FALSE(use == 2 || (use == 1 && writes)) << "a page is written that another sequence uses";
      use = writes ? 2 : 1;
    }
  }

  struct Place {
    std::int64_t end = 0;
    SelectionRule rule = {};
  };

  Limits limits_;
  std::vector<Slot> slots_;
  std::map<std::int32_t, Place> places_;
};

}  // namespace dsa::test
