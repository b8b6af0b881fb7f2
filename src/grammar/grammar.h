// What an answer is held to: which tokens may come next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace dsa {

/// How far one answer has come.  One thread at a time.
class GrammarState {
 public:
  virtual ~GrammarState() = default;

  /// `bits`: a bit for each token of the vocabulary, token i at bit i % 32 of word i / 32, set where it may
  /// come next; all are written.  Control tokens stand for no text and never may: when an answer may end is
  /// complete()'s to say.  None is set: there is no way on.
  virtual void mask(std::span<std::uint32_t> bits) = 0;
  /// The text goes on with that token.  False, and nothing changes, if it may not.
  virtual bool accept(std::int32_t token) = 0;
  /// The text so far is whole, whether or not it may go on.
  [[nodiscard]] virtual bool complete() const = 0;
  /// Another that has come as far, and goes its own way.
  [[nodiscard]] virtual std::unique_ptr<GrammarState> clone() const = 0;
};

/// A compiled grammar for the tokens of one model.  Immutable: any number of answers, on any thread, share
/// it.
class Grammar {
 public:
  virtual ~Grammar() = default;

  /// At the beginning of a text.
  [[nodiscard]] virtual std::unique_ptr<GrammarState> start() const = 0;
  /// What it takes of the memory.
  [[nodiscard]] virtual std::size_t bytes() const = 0;
};

}  // namespace dsa
