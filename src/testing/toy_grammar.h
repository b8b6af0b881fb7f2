// A grammar small enough to follow by heart, for tests of whoever holds answers to one.
#pragma once

#include <algorithm>
#include <memory>

#include "grammar/grammar.h"

namespace dsa::test {

/// Of ASCII digits alone, `most` at most, whole where the last is even and there are `least`.
class DigitGrammar final : public Grammar {
 public:
  explicit DigitGrammar(int least = 3, int most = 8) : least_(least), most_(most) {}

  [[nodiscard]] std::unique_ptr<GrammarState> start() const override {
    return std::make_unique<State>(least_, most_);
  }
  [[nodiscard]] std::size_t bytes() const override { return sizeof(*this); }

 private:
  class State final : public GrammarState {
   public:
    State(int least, int most) : least_(least), most_(most) {}
    void mask(std::span<std::uint32_t> bits) override {
      std::ranges::fill(bits, 0U);
      for (std::int32_t c = '0'; c <= '9'; ++c)
        if (permits(c)) bits[static_cast<std::size_t>(c / 32)] |= 1U << (c % 32);
    }
    bool accept(std::int32_t token) override {
      if (!permits(token)) return false;
      ++digits_;
      even_ = token % 2 == 0;
      return true;
    }
    [[nodiscard]] bool complete() const override { return digits_ >= least_ && even_; }
    [[nodiscard]] std::unique_ptr<GrammarState> clone() const override {
      return std::make_unique<State>(*this);
    }

   private:
    // An odd last one would leave no way on.
    [[nodiscard]] bool permits(std::int32_t c) const {
      const bool last = digits_ + 1 == most_;
      return c >= '0' && c <= '9' && digits_ < most_ && (!last || c % 2 == 0);
    }
    int least_, most_, digits_ = 0;
    bool even_ = false;
  };
  int least_, most_;
};

}  // namespace dsa::test
