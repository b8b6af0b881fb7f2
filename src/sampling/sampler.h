// Chooses the next token from the logits.
//
// The order of the steps is that of Hugging Face generate() (transformers,
// GenerationMixin._get_logits_processor) and, but for min-p, of vLLM; llama.cpp differs in that its
// temperature comes last, so its top-p and min-p look at the untempered distribution.
//   0. what a grammar forbids is -infinity before any of this (engine/answer_grammar.h), and nothing lifts
//      it: top-k, top-p and min-p look at what is permitted alone
//   1. logit bias                added
//   2. repetition penalty        over prompt and answer (Keskar et al. 2019, CTRL;
//                                transformers RepetitionPenaltyLogitsProcessor)
//   3. presence, frequency       over the answer alone (OpenAI API; vLLM)
//   4. temperature               0 ends here: the best logit
//   5. top-k                     exactly k (transformers keeps all that tie with the k-th;
//                                here ties go to the lower id)
//   6. top-p                     the fewest best tokens whose probability reaches p (Holtzman et al. 2019)
//   7. min-p                     probability >= min_p * the best one's (Nguyen et al. 2024)
//   8. one draw
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/rng.h"
#include "sampling/sampling_params.h"

namespace dsa {

/// What a step works in: empty between steps, so one serves all samplers of a vocabulary.
/// One thread at a time.
struct SamplerScratch {
  /// vocab_size: tokens that may be chosen; 1 or more.
  explicit SamplerScratch(std::int64_t vocab_size);

  struct Candidate {
    float logit;
    std::int32_t id;
    double weight;  // exp((logit - best) / temperature): the probability but for a common factor
  };
  static constexpr std::int32_t kUnseen = -1;

  std::vector<Candidate> candidates;  // room for vocab_size
  std::vector<std::int32_t> history;  // each token of prompt or answer once; room for vocab_size
  std::vector<std::int32_t> counts;   // [vocab] of those: times in the answer; all others: kUnseen
};

/// One request's sampler.  It keeps no history: what it returns is a pure function of seed, logits, prompt
/// and answer, so a step may be undone or repeated.  Any thread, as long as it has a scratch to itself.
class Sampler {
 public:
  /// Throws Error if the parameters are out of range.  vocab_size: tokens that may be chosen; 1 or more.
  Sampler(SamplingParams params, std::int64_t vocab_size);

  /// The next token after prompt + answer.  `logits` has vocab_size values, as has `scratch`, and is
  /// overwritten.  A logit that is not finite (NaN, ±inf) is never chosen; nullopt if none is finite: the
  /// request has failed, or its logit bias bans every token.  Ids of the history outside the vocabulary are
  /// ignored.  Allocates nothing.
  [[nodiscard]] std::optional<std::int32_t> sample(SamplerScratch& scratch, std::span<float> logits,
                                                   std::span<const std::int32_t> prompt,
                                                   std::span<const std::int32_t> answer) const;

  /// The request's seed, or the one drawn for it.
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  [[nodiscard]] const SamplingParams& params() const { return params_; }

 private:
  SamplingParams params_;
  std::int64_t vocab_size_;
  std::uint64_t seed_;
  CounterRng rng_;
};

}  // namespace dsa
