#include "engine/timings.h"

namespace dsa {
namespace {

double per_second(std::int64_t count, double ms) {
  return ms > 0 ? static_cast<double>(count) * 1000.0 / ms : 0;
}

}  // namespace

double Timings::prefill_tok_s() const { return per_second(prompt_tokens - cached_tokens, prefill_ms); }
// The first token belongs to the prefill.
double Timings::decode_tok_s() const { return per_second(completion_tokens - 1, decode_ms); }
double Timings::tpot_ms() const {
  return completion_tokens > 1 ? decode_ms / static_cast<double>(completion_tokens - 1) : 0;
}

}  // namespace dsa
