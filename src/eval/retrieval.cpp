#include "eval/retrieval.h"

#include <algorithm>

#include "base/error.h"
#include "eval/perplexity.h"

namespace dsa {
namespace {

// Room for what the model says by itself: more than the answer takes, for it may say more.
std::int64_t room_for(std::span<const std::int32_t> answer) {
  return 2 * static_cast<std::int64_t>(answer.size()) + 8;
}

std::int32_t best(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::ranges::max_element(logits) - logits.begin());
}

}  // namespace

RetrievalRunner::RetrievalRunner(LoadedModel& model, const Tokenizer& tokenizer,
                                 const RetrievalOptions& options)
    : model_(model),
      tokenizer_(tokenizer),
      pass_(model),
      prompt_(model.files(), tokenizer,
              {.raw = options.raw, .name = options.chat_format, .without = WithoutFormat::complete}) {
  DSA_CHECK(model.has_indexer());
  if (options.best) best_.emplace(model);
}

std::vector<std::int32_t> RetrievalRunner::text_ids(std::string_view text) const {
  return tokenizer_.encode(text, SpecialTokens::as_text);
}

std::vector<std::int32_t> RetrievalRunner::prompt(const RetrievalSample& sample) const {
  if (!prompt_.format()) return prompt_.encode_text(sample.question + "\n" + sample.answer_begins);
  const ChatMessage message{.role = Role::user, .content = sample.question};
  // The answer is scored as it stands: no thinking before it.
  auto ids = prompt_.encode({&message, 1}, {.thinking = Thinking::off});
  const auto begun = text_ids(sample.answer_begins);
  ids.insert(ids.end(), begun.begin(), begun.end());
  return ids;
}

RetrievalRunner::Asked RetrievalRunner::asked(RetrievalTask task, std::uint64_t seed, std::int64_t number,
                                              std::int64_t length) const {
  const auto tokens = [&](const RetrievalSample& s) {
    return static_cast<std::int64_t>(prompt(s).size()) + room_for(text_ids(s.answer));
  };
  Asked out{.sample = fit_sample(task, seed, number, length, tokens), .prompt = {}, .answer = {}};
  out.prompt = prompt(out.sample);
  out.answer = text_ids(out.sample.answer);
  return out;
}

std::optional<RetrievalResult> RetrievalRunner::run(RetrievalTask task, std::uint64_t seed,
                                                    std::int64_t number, std::int64_t length,
                                                    const std::atomic<bool>& cancel,
                                                    const RetrievalAnswer* dense) {
  const auto [sample, asked, answer] = this->asked(task, seed, number, length);
  RetrievalResult out{.task = task,
                      .length = length,
                      .number = number,
                      .prompt_tokens = static_cast<std::int64_t>(asked.size()),
                      .answer_tokens = static_cast<std::int64_t>(answer.size()),
                      .dense = {},
                      .sparse = {}};
  Transformer& transformer = model_.transformer();
  if (dense != nullptr)
    out.dense = *dense;
  else if (!ask(sample, asked, answer, 0, AttentionMode::dense, out.dense, cancel))
    return std::nullopt;
  // While everything is selected sparse is dense, bit for bit: the cache holds what it would compute.
  const std::int64_t same =
      dense != nullptr ? 0 : std::min(transformer.selection_rule({}).least_topk(), out.prompt_tokens - 1);
  if (best_) transformer.set_hooks(best_->hooks(transformer.topk()));
  const bool asked_whole = ask(sample, asked, answer, same, AttentionMode::sparse, out.sparse, cancel);
  transformer.set_hooks({});
  if (!asked_whole) return std::nullopt;
  return out;
}

bool RetrievalRunner::ask(const RetrievalSample& sample, std::span<const std::int32_t> prompt,
                          std::span<const std::int32_t> answer, std::int64_t first, AttentionMode attention,
                          RetrievalAnswer& out, const std::atomic<bool>& cancel) {
  const RunOptions run{.attention = attention};
  const auto n = static_cast<std::int64_t>(prompt.size());
  std::int32_t next = 0;
  const auto score = [&](std::int64_t position, TensorView<const float, 2> logits) {
    for (std::int64_t r = 0; r < logits.rows(); ++r)
      out.log_prob -= token_nll(logits.span(r), answer[static_cast<std::size_t>(position + r + 1 - n)]);
  };
  // The prompt: the first token of the model's own answer, and the score of the right one's.
  const auto after_prompt = [&](std::int64_t position, TensorView<const float, 2> logits) {
    next = best(logits.span(0));
    score(position, logits);
  };
  if (!pass_.extend({.tokens = prompt.subspan(static_cast<std::size_t>(first)),
                     .first = first,
                     .logits_from = n - 1,
                     .run = run},
                    after_prompt, nullptr, cancel))
    return false;
  if (!pass_.extend({.tokens = answer.first(answer.size() - 1), .first = n, .logits_from = n, .run = run},
                    score, nullptr, cancel))
    return false;

  std::vector<std::int32_t> said;
  const std::int64_t most = room_for(answer);
  while (static_cast<std::int64_t>(said.size()) < most &&
         std::ranges::find(prompt_.stop_ids(), next) == prompt_.stop_ids().end()) {
    said.push_back(next);
    if (static_cast<std::int64_t>(said.size()) == most) break;
    const auto choose = [&](std::int64_t, TensorView<const float, 2> logits) { next = best(logits.span(0)); };
    const std::int64_t position = n + static_cast<std::int64_t>(said.size()) - 1;
    if (!pass_.extend({.tokens = {&said.back(), 1}, .first = position, .logits_from = position, .run = run},
                      choose, nullptr, cancel))
      return false;
  }
  out.said = tokenizer_.decode(said, /*skip_special=*/true);
  out.match = answers(sample, out.said);
  return true;
}

}  // namespace dsa
