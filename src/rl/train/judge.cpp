#include "rl/train/judge.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/numeric.h"
#include "engine/model_runner.h"
#include "engine/step_engine.h"
#include "rl/train/held_out.h"

namespace dsa::rl {
namespace {

constexpr std::int64_t kJudgedAtATime = 64;
constexpr std::int32_t kLooked = 8;  // likeliest tokens that a verdict is looked for in
constexpr double kEven = 0.5;

// Of the two verdicts alone.
double chance_of_yes(const LogProbs& of, const JudgeWording& wording) {
  double yes = 0, no = 0;
  for (const auto& [id, log_prob] : of.best) {
    if (id == wording.verdict(true)) yes = std::exp(static_cast<double>(log_prob));
    if (id == wording.verdict(false)) no = std::exp(static_cast<double>(log_prob));
  }
  return yes + no > 0 ? yes / (yes + no) : 0;
}

}  // namespace

double judged_score(const Verdicts& verdicts) {
  return std::accumulate(verdicts.begin(), verdicts.end(), 0.0) / static_cast<double>(verdicts.size());
}

JudgeWording::JudgeWording(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
  yes_ = tokenizer.encode("yes", SpecialTokens::as_text).front();
  no_ = tokenizer.encode("no", SpecialTokens::as_text).front();
  if (yes_ == no_)
    fail("the tokenizer begins \"yes\" and \"no\" with the same token: a judge cannot say either");
}

std::vector<std::int32_t> JudgeWording::question(const Attempt& attempt, std::string_view line) const {
  std::vector<std::int32_t> out;
  if (const auto bos = tokenizer_.bos()) out.push_back(*bos);
  const auto text =
      tokenizer_.encode(judged_text(*attempt.task, *attempt.transcript, line) + "\n", SpecialTokens::as_text);
  out.insert(out.end(), text.begin(), text.end());
  return out;
}

Judge::Judge(OpenedModel model, const Tokenizer& tokenizer, std::int64_t context, const Exec& exec)
    : tokenizer_(tokenizer),
      wording_(tokenizer),
      context_(context),
      model_(loaded(std::move(model), context, kJudgedAtATime, exec)) {}

std::optional<std::vector<Verdicts>> Judge::verdicts(std::span<const Attempt> attempts,
                                                     const std::atomic<bool>& cancel) {
  std::vector<Verdicts> out(attempts.size(), Verdicts{});
  ModelRunner runner(*model_);
  StepEngine engine(runner, tokenizer_, {.speculation = Speculation::off});
  std::string error;
  for (std::size_t i = 0; i < attempts.size(); ++i)
    for (std::size_t line = 0; line < kRubric.size(); ++line) {
      Request request;
      request.prompt = wording_.question(attempts[i], kRubric[line]);
      if (std::ssize(request.prompt) >= context_) continue;
      request.max_tokens = 1;
      request.sampling.temperature = 0;
      request.log_probs = kLooked;
      engine.check(request);
      engine.add(std::make_shared<const Submission>(
          Submission{.request = std::move(request),
                     .sink =
                         [&, i, line](Event&& event) {
                           if (const auto* token = std::get_if<NewToken>(&event.what))
                             out[i][line] = chance_of_yes(*token->log_probs, wording_);
                           const auto* finished = std::get_if<Finished>(&event.what);
                           if (finished != nullptr && finished->reason == FinishReason::failed)
                             error = finished->error;
                         },
                     .cancelled = std::make_shared<std::atomic<bool>>(false),
                     .submitted = {}}));
    }
  while (engine.step()) {
    if (!cancel) continue;
    engine.cancel_all();
    return std::nullopt;
  }
  if (!error.empty()) fail("the judge: {}", error);
  return out;
}

Verdicts agreement(std::span<const Attempt> attempts, std::span<const Verdicts> verdicts) {
  DSA_CHECK(attempts.size() == verdicts.size());
  Verdicts out{};
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const auto rules = rubric_of(*attempts[i].transcript);
    for (std::size_t line = 0; line < out.size(); ++line)
      out[line] += (verdicts[i][line] > kEven) == rules[line].yes ? 1 : 0;
  }
  for (double& share : out) share /= static_cast<double>(std::max<std::size_t>(1, attempts.size()));
  return out;
}

}  // namespace dsa::rl
