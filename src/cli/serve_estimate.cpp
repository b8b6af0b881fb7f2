// dsa serve --estimate: will it fit, and for how many.
#include <algorithm>
#include <limits>

#include "cli/model_report.h"
#include "cli/serve_models.h"

namespace dsa::cli {
namespace {

// Sequences of that many tokens that so many tokens of cache hold at a time.
std::int64_t users(std::int64_t cache_tokens, std::int64_t context) {
  return cache_tokens / kPageTokens / ceil_div(context, kPageTokens);
}

std::vector<std::int64_t> contexts_to(std::int64_t most) {
  std::vector<std::int64_t> out;
  constexpr std::int64_t kFirst = 1024, kStep = 4;
  for (std::int64_t context = kFirst; context < most; context *= kStep) out.push_back(context);
  out.push_back(most);
  return out;
}

std::string model_text(const PlannedModel& model, const ServingPlan& plan) {
  const LoadMemory& memory = model.memory;
  const std::int64_t needed = bytes_of(model);
  const bool fits = needed <= plan.budget_bytes && fits_in(memory, plan.left);
  std::string out = fmt::format(
      "{}: {}: needs {}\n"
      "  weights   {:>12}  {}\n"
      "  scratch   {:>12}\n"
      "  cache     {:>12}  {} tokens of {} bytes\n"
      "  context   {:>12} tokens\n",
      model.id, fits ? "fits" : "does not fit", human_bytes(needed),
      human_bytes(static_cast<std::int64_t>(memory.weights) + model.mapped_bytes),
      fmt::format("{} packed at the start, {} read where the file is mapped",
                  human_bytes(static_cast<std::int64_t>(memory.weights)), human_bytes(model.mapped_bytes)),
      human_bytes(static_cast<std::int64_t>(memory.activations)),
      human_bytes(static_cast<std::int64_t>(memory.cache)), model.sizes.cache, model.token_bytes,
      model.sizes.context);
  const std::int64_t rest =
      std::max<std::int64_t>(plan.budget_bytes - needed + static_cast<std::int64_t>(memory.cache), 0);
  out += fmt::format("  users at a time, each of a context of its own, by its tokens:\n{:>14}{:>14}{:>26}\n",
                     "tokens", "as it is", "with all of the memory");
  for (const std::int64_t context : contexts_to(model.sizes.context))
    out += fmt::format("{:>14}{:>14}{:>26}\n", context, users(model.sizes.cache, context),
                       users(rest / model.token_bytes, context));
  return out;
}

}  // namespace

std::string estimate_text(const ServingPlan& plan) {
  std::string out = fmt::format(
      "memory: {} can be had, {} of it for models\n",
      plan.left ? human_bytes(*plan.left) : "nobody knows how much",
      plan.budget_bytes == std::numeric_limits<std::int64_t>::max() ? "all" : human_bytes(plan.budget_bytes));
  std::int64_t all = 0;
  for (const PlannedModel& model : plan.models) {
    out.append("\n").append(model_text(model, plan));
    all += bytes_of(model);
  }
  if (plan.models.size() > 1)
    out += fmt::format("\nall at a time: {}: {}\n", human_bytes(all),
                       all <= plan.budget_bytes ? "fits" : "does not fit: they take turns");
  return out;
}

}  // namespace dsa::cli
