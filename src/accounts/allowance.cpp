#include "accounts/allowance.h"

#include <algorithm>
#include <cmath>

namespace dsa::accounts {
namespace {

constexpr double kMinute = 60;

double as_double(std::int64_t number) { return static_cast<double>(number); }

Standing standing(Bucket& bucket, std::int64_t limit, Bucket::Time now) {
  const double level = bucket.level(as_double(limit), now);
  return {.limit = limit,
          .remaining = static_cast<std::int64_t>(std::max(level, 0.0)),
          .reset_s = bucket.wait_s(as_double(limit))};
}

}  // namespace

double Bucket::level(double most, Time now) {
  const double passed = std::max(std::chrono::duration<double>(now - seen_).count(), 0.0);
  // A new limit does not forget what is owed.
  level_ = most_ < 0 ? most : std::min(level_ + (most - most_) + passed * most / kMinute, most);
  most_ = most;
  seen_ = now;
  return level_;
}

double Bucket::wait_s(double amount) const {
  return std::max(amount - level_, 0.0) * kMinute / std::max(most_, 1.0);
}

std::string_view name(Limit limit) {
  switch (limit) {
    case Limit::requests:
      return "requests a minute";
    case Limit::tokens:
      return "tokens a minute";
    case Limit::concurrency:
      return "requests at a time";
  }
  return "";
}

std::optional<Refusal> Allowances::enter(const Key& key, std::int64_t prompt_tokens, Time now) {
  const std::scoped_lock lock(mutex_);
  State& state = states_[key.id];
  const KeyLimits& limits = key.limits;
  if (limits.concurrency && state.running >= *limits.concurrency)
    return Refusal{.limit = Limit::concurrency, .most = *limits.concurrency, .wait_s = 1};
  if (limits.requests_per_minute) {
    const double level = state.requests.level(as_double(*limits.requests_per_minute), now);
    if (level < 1)
      return Refusal{
          .limit = Limit::requests, .most = *limits.requests_per_minute, .wait_s = state.requests.wait_s(1)};
  }
  if (limits.tokens_per_minute) {
    const double level = state.tokens.level(as_double(*limits.tokens_per_minute), now);
    if (level < 1)
      return Refusal{
          .limit = Limit::tokens, .most = *limits.tokens_per_minute, .wait_s = state.tokens.wait_s(1)};
  }
  ++state.running;
  if (limits.requests_per_minute) state.requests.take(1);
  if (limits.tokens_per_minute) state.tokens.take(as_double(prompt_tokens));
  return std::nullopt;
}

void Allowances::leave(const std::string& id, std::int64_t answer_tokens) {
  const std::scoped_lock lock(mutex_);
  State& state = states_[id];
  --state.running;
  state.tokens.take(as_double(answer_tokens));
}

Standings Allowances::standings(const Key& key, Time now) {
  const std::scoped_lock lock(mutex_);
  State& state = states_[key.id];
  Standings out;
  if (const auto limit = key.limits.requests_per_minute) out.requests = standing(state.requests, *limit, now);
  if (const auto limit = key.limits.tokens_per_minute) out.tokens = standing(state.tokens, *limit, now);
  return out;
}

}  // namespace dsa::accounts
