#include "server/usage.h"

#include "accounts/money.h"
#include "base/json.h"

namespace dsa::server {

void Usage::add(const Finished& finished, std::int64_t reasoning, bool first) {
  const Timings& t = finished.timings;
  if (!any_) {
    total_ = t;
    total_.prompt_tokens = total_.cached_tokens = total_.disk_tokens = 0;
    total_.completion_tokens = total_.reasoning_tokens = 0;
    total_.drafted_tokens = total_.accepted_tokens = 0;
    total_.mtp_drafted_tokens = total_.mtp_accepted_tokens = 0;
    any_ = true;
  }
  if (first) {
    total_.prompt_tokens += t.prompt_tokens;
    total_.cached_tokens += t.cached_tokens;
    total_.disk_tokens += t.disk_tokens;
  }
  total_.completion_tokens += t.completion_tokens;
  total_.reasoning_tokens += reasoning;
  total_.drafted_tokens += t.drafted_tokens;
  total_.accepted_tokens += t.accepted_tokens;
  total_.mtp_drafted_tokens += t.mtp_drafted_tokens;
  total_.mtp_accepted_tokens += t.mtp_accepted_tokens;
  attention_ += finished.attention;
}

nlohmann::ordered_json Usage::to_json(const ServedModel& model, const std::optional<AnswerCost>& cost) const {
  const Timings& t = total_;
  nlohmann::ordered_json dsa{{"attention", attention_.sparse_rows > 0 ? "sparse" : "dense"},
                             {"top_k", nullptr},
                             {"indexer", nullptr},
                             {"kernels", model.kernels},
                             {"sparse_rows", attention_.sparse_rows},
                             {"dense_rows", attention_.dense_rows},
                             {"cache",
                              {{"ram_tokens", t.cached_tokens - t.disk_tokens},
                               {"disk_tokens", t.disk_tokens},
                               {"first_difference", nullptr}}},
                             {"speculation",
                              {{"drafted", t.drafted_tokens},
                               {"accepted", t.accepted_tokens},
                               {"mtp_drafted", t.mtp_drafted_tokens},
                               {"mtp_accepted", t.mtp_accepted_tokens}}},
                             {"queue_ms", t.queue_ms},
                             {"prefill_ms", t.prefill_ms},
                             {"prefill_tok_s", t.prefill_tok_s()},
                             {"ttft_ms", t.ttft_ms},
                             {"decode_ms", t.decode_ms},
                             {"decode_tok_s", t.decode_tok_s()},
                             {"tpot_ms", t.tpot_ms()}};
  if (t.first_difference) dsa["cache"]["first_difference"] = *t.first_difference;
  if (cost) {
    dsa["cost"] = static_cast<double>(cost->amount) / static_cast<double>(accounts::kMoneyUnit);
    dsa["currency"] = cost->currency;
  }
  if (model.topk > 0) dsa["top_k"] = model.topk;
  if (!model.indexer.empty()) dsa["indexer"] = model.indexer;
  return {{"prompt_tokens", t.prompt_tokens},
          {"completion_tokens", t.completion_tokens},
          {"total_tokens", t.prompt_tokens + t.completion_tokens},
          {"prompt_cache_hit_tokens", t.cached_tokens},
          {"prompt_cache_miss_tokens", t.prompt_tokens - t.cached_tokens},
          {"prompt_tokens_details", {{"cached_tokens", t.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", t.reasoning_tokens}}},
          {"dsa", std::move(dsa)}};
}

}  // namespace dsa::server
