// Structures to grammars, under a bound of time and memory, each once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/structure.h"
#include "grammar/trial.h"
#include "tokenizer/tokenizer.h"

namespace dsa {

class GrammarCore;

struct GrammarLimits {
  TrialLimits compile = {};                        // of one structure
  std::chrono::milliseconds begin{100};            // to begin an answer: what may come first
  std::size_t kept_bytes = std::size_t{64} << 20;  // of grammars kept for the next who asks, and most of one
};

/// Compiles for the tokens of one model.  Thread-safe; one structure at a time in the whole process, others
/// wait.  Never to be called from an engine's thread.
class GrammarCompiler {
 public:
  /// `tokenizer` must outlive it; `vocabulary`: logits of a row.
  GrammarCompiler(const Tokenizer& tokenizer, std::int64_t vocabulary, GrammarLimits limits = {});
  ~GrammarCompiler();

  /// Throws StructureError if answers cannot be held to it.
  std::shared_ptr<const Grammar> compile(const Structure& structure);

  /// Grammars that are kept, and what they take.
  [[nodiscard]] std::size_t kept() const;
  [[nodiscard]] std::size_t kept_bytes() const;

 private:
  struct Kept {
    std::string key;
    std::shared_ptr<const Grammar> grammar;
    std::size_t bytes = 0;
  };
  std::shared_ptr<const Grammar> find(const std::string& key);
  void keep(Kept one);
  const GrammarCore& core_for(const Structure& structure);
  /// Throws Error if that takes too long.
  void try_to_begin(const Grammar& grammar) const;

  const Tokenizer& tokenizer_;
  std::int64_t vocabulary_;
  GrammarLimits limits_;
  // Made when first needed, under the lock of all compilers; in the other one some special tokens are text.
  std::unique_ptr<const GrammarCore> core_, marked_core_;
  std::vector<std::string> marks_;  // those
  mutable std::mutex mutex_;        // guards what follows
  std::list<Kept> kept_;            // used last first
  std::size_t bytes_ = 0;
};

}  // namespace dsa
