// The library that compiles grammars, behind what we ask of it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "grammar/grammar.h"
#include "grammar/structure.h"
#include "tokenizer/tokenizer.h"

namespace dsa {

/// One thread at a time.
class GrammarCore {
 public:
  virtual ~GrammarCore() = default;
  /// `plain`: what plain_schema() or plain_regex() made of the text.  Deterministic.  Throws Error; also for
  /// whatever the library warns of, since that is where it holds to less than what it was asked.
  [[nodiscard]] virtual std::shared_ptr<const Grammar> compile(StructureKind kind,
                                                               const std::string& plain) const = 0;
};

/// For the tokens of `tokenizer`, and logits of so many.  `marks`: special tokens that are text all the same.
/// Throws Error in a build without the library.
std::unique_ptr<const GrammarCore> make_grammar_core(const Tokenizer& tokenizer, std::int64_t vocabulary,
                                                     std::span<const std::string> marks = {});

}  // namespace dsa
