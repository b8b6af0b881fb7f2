#include "engine/answer_grammar.h"

#include <time.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa {
namespace {

constexpr std::int64_t kWordBits = 32;
constexpr float kNever = -std::numeric_limits<float>::infinity();

// Of this thread, on the processor.
double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

}  // namespace

AnswerGrammar::AnswerGrammar(const Grammar& grammar, std::span<const std::int32_t> stop_tokens,
                             std::int64_t vocabulary, std::shared_ptr<GrammarTime> time)
    : state_(grammar.start()), time_(std::move(time)), bits_(usize(ceil_div(vocabulary, kWordBits))) {
  for (const auto id : stop_tokens)
    if (id >= 0 && id < vocabulary) stop_tokens_.push_back(id);
}

void AnswerGrammar::restrict(std::span<float> logits) {
  if (too_slow()) {
    std::ranges::fill(logits, kNever);
    return;
  }
  const double start = cpu_ms();
  state_->mask(bits_);
  masked_ms_ = cpu_ms() - start;
  if (complete())
    for (const auto id : stop_tokens_) bits_[usize(id / kWordBits)] |= 1U << (id % kWordBits);
  for (std::size_t first = 0; first < logits.size(); first += kWordBits) {
    const std::uint32_t word = bits_[first / kWordBits];
    if (word == ~0U) continue;
    const auto some = logits.subspan(first, std::min<std::size_t>(kWordBits, logits.size() - first));
    for (std::size_t i = 0; i < some.size(); ++i) some[i] = (word >> i & 1U) != 0 ? some[i] : kNever;
  }
}

void AnswerGrammar::accept(std::int32_t token) {
  // False: the token ends an answer as well, and the text was whole before it.
  const double start = cpu_ms();
  (void)state_->accept(token);
  time_->spend(masked_ms_ + cpu_ms() - start);
}

}  // namespace dsa
