#include "compare/local_speaker.h"

#include <algorithm>

#include "base/error.h"
#include "cost/prices.h"
#include "engine/ask.h"
#include "engine/prefix_key.h"

namespace dsa::compare {
namespace {

const cost::Price& announced(std::string_view name) {
  const auto prices = cost::announcement_prices();
  const auto found = std::ranges::find(prices, name, &cost::Price::name);
  DSA_CHECK(found != prices.end());
  return *found;
}

const char* mode_name(AttentionMode mode) {
  return mode == AttentionMode::dense ? "dense" : mode == AttentionMode::sparse ? "sparse" : "auto";
}

}  // namespace

LocalModel::LocalModel(OpenedModel opened, const LoadOptions& options)
    : tokenizer_(fitting_tokenizer(opened.files)),
      model_(std::move(opened), options),
      prompt_(model_.files(), tokenizer_, {.without = WithoutFormat::complete, .context = model_.context()}),
      engine_(model_, tokenizer_, {.max_running = 1}) {}

LocalSpeaker::LocalSpeaker(std::shared_ptr<LocalModel> model, const RunOptions& run, const Manner& manner,
                           std::string side)
    : model_(std::move(model)), run_(run), manner_(manner), side_(std::move(side)) {
  model_->engine_.check(run_);
}

std::optional<Said> LocalSpeaker::say(std::span<const ChatMessage> messages,
                                      const std::atomic<bool>& cancel) {
  const ChatOptions chat;
  Request request{.prompt = model_->prompt_.encode(messages, chat)};
  request.sampling.temperature = static_cast<float>(manner_.temperature);
  request.sampling.seed = manner_.seed;
  request.max_tokens = manner_.max_tokens;
  request.stop_tokens = model_->prompt_.stop_ids();
  request.run = run_;
  request.tenant = side_;
  const Answer answer = ask(model_->engine_, std::move(request), {}, cancel);
  if (answer.finish_reason == FinishReason::cancelled) return std::nullopt;
  if (answer.finish_reason == FinishReason::failed) fail("{}", answer.error);

  const Timings& t = answer.timings;
  Said out{.message = model_->prompt_.as_message(answer.text, messages, chat),
           .finish = std::string(name(answer.finish_reason)),
           .figures = {}};
  const auto tokens = static_cast<double>(t.completion_tokens);
  out.figures = {{"tokens", tokens},
                 {"cut", answer.finish_reason == FinishReason::length ? 1 : 0},
                 {"ttft_ms", t.ttft_ms},
                 {"seconds", (t.ttft_ms + t.decode_ms) / 1000}};
  if (t.completion_tokens > 1) out.figures["tok_s"] = t.decode_tok_s();
  const bool dense = run_.attention == AttentionMode::dense || !model_->model_.has_indexer();
  const cost::Price& price =
      manner_.price ? *manner_.price : announced(dense ? "DeepSeek-V3.1-Terminus" : "DeepSeek-V3.2-Exp");
  const auto hit = static_cast<double>(t.cached_tokens);
  out.figures["usd_per_1000"] = usd_per_1000(price, hit, static_cast<double>(t.prompt_tokens) - hit, tokens);
  return out;
}

nlohmann::ordered_json LocalSpeaker::identity() const {
  const LoadedModel& model = model_->model_;
  const std::int64_t topk = run_.topk > 0 ? run_.topk : model.topk();
  return {{"weights", cache_identity(model_->model_).weights},
          {"attention", mode_name(run_.attention)},
          {"top_k", model.has_indexer() ? topk : 0}};
}

}  // namespace dsa::compare
