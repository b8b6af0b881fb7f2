#include "server/gate.h"

#include <algorithm>
#include <cmath>
#include <ranges>

#include "accounts/key_report.h"
#include "accounts/usage_report.h"
#include "base/json.h"
#include "base/log.h"
#include "server/errors.h"

namespace dsa::server {
namespace {

using accounts::Bound;
using accounts::Money;
using accounts::money_text;
using accounts::TokenCounts;

constexpr std::string_view kBearer = "bearer ";

ApiError wrong_key(const std::string& message) { return {401, "invalid_api_key", message}; }

// The one key of a request; "" if there is none.  Two that differ are nobody's.
std::string_view key_of(const HttpRequest& request) {
  std::string_view key;
  for (const auto& [name, value] : request.headers) {
    std::string_view one = value;
    if (same_name(name, "Authorization")) {
      if (!same_name(one.substr(0, kBearer.size()), kBearer))
        throw wrong_key("the Authorization header holds no key, expected \"Bearer KEY\"");
      one.remove_prefix(kBearer.size());
    } else if (!same_name(name, "x-api-key")) {
      continue;
    }
    if (!key.empty() && key != one) throw wrong_key("the request holds two keys, expected one");
    key = one;
  }
  return key;
}

ApiError ledger_error(const Error& error) {
  warn("accounts: {}", error.what());
  ApiError out(503, "ledger_unavailable", "keys and bills cannot be read or written: try again later");
  out.retry_after_s = 5;
  return out;
}

// "Retry-After" and what clients show of a reset are whole seconds.
std::int64_t whole_seconds(double seconds) {
  return std::max<std::int64_t>(static_cast<std::int64_t>(std::ceil(seconds)), 1);
}

// In OpenAI's words and in Anthropic's: a client reads those it knows.
void add_standing(HttpHeaders& headers, const char* what, const std::optional<accounts::Standing>& standing) {
  if (!standing) return;
  const std::int64_t reset_s = static_cast<std::int64_t>(std::ceil(standing->reset_s));
  const auto limit = std::to_string(standing->limit), remaining = std::to_string(standing->remaining);
  headers.emplace_back(fmt::format("x-ratelimit-limit-{}", what), limit);
  headers.emplace_back(fmt::format("x-ratelimit-remaining-{}", what), remaining);
  headers.emplace_back(fmt::format("x-ratelimit-reset-{}", what), fmt::format("{}s", reset_s));
  const std::string anthropic = fmt::format("anthropic-ratelimit-{}-", what);
  headers.emplace_back(anthropic + "limit", limit);
  headers.emplace_back(anthropic + "remaining", remaining);
  headers.emplace_back(anthropic + "reset",
                       accounts::moment_text(accounts::now() + std::chrono::seconds(reset_s)));
}
HttpHeaders standing_headers(const accounts::Standings& standings) {
  HttpHeaders headers;
  add_standing(headers, "requests", standings.requests);
  add_standing(headers, "tokens", standings.tokens);
  return headers;
}

std::int64_t prompt_tokens(const Plan& plan) {
  std::int64_t tokens = 0;
  for (const Request& request : plan.requests) tokens += std::ssize(request.prompt);
  return tokens;
}

// Tokens of an answer that nothing but the context bounds.
std::int64_t room(const Request& request, const ServedModel& model) {
  return std::max<std::int64_t>(model.context - std::ssize(request.prompt) + 1, 0);
}

// The most that a plan may take, if answers without a bound of their own have at most `open_tokens`.
TokenCounts most_of(const Plan& plan, const ServedModel& model, std::int64_t open_tokens) {
  TokenCounts most{.miss = prompt_tokens(plan)};
  for (const Request& request : plan.requests)
    most.output +=
        request.choices * (request.max_tokens >= 0 ? std::min(request.max_tokens, room(request, model))
                                                   : std::min(open_tokens, room(request, model)));
  return most;
}

[[noreturn]] void refuse(const accounts::Reserved& reserved, const accounts::Reservation& wanted,
                         accounts::Moment moment) {
  const std::string words =
      fmt::format("this request may cost {} {}, and {} is left", money_text(wanted.least), wanted.currency,
                  money_text(reserved.available.amount));
  if (reserved.available.bound == Bound::balance)
    throw ApiError(402, "insufficient_balance",
                   fmt::format("Insufficient Balance: {}: pay in, or ask for fewer `max_tokens`", words));
  const bool day = reserved.available.bound == Bound::day;
  ApiError error(429, "insufficient_quota",
                 fmt::format("the key's budget of the {} is spent: {}", day ? "day" : "month", words));
  const accounts::Day today = accounts::day_of(moment);
  const accounts::Day next = day ? today + std::chrono::days(1) : accounts::next_month(today);
  error.retry_after_s = whole_seconds(std::chrono::duration<double>(next - moment).count());
  throw error;
}

}  // namespace

std::string_view name(Access access) {
  switch (access) {
    case Access::open:
      return "anybody";
    case Access::user:
      return "any key";
    case Access::admin:
      return "admin keys";
  }
  return "";
}

Gate::Gate(accounts::AccountStore& store, accounts::PriceBook prices, bool share_cache)
    : store_(store), prices_(std::move(prices)), share_cache_(share_cache), meter_(store) {
  const std::string before = store_.currency();
  if (!before.empty() && before != prices_.currency())
    fail("prices: the currency is {}, and the ledger's is {}: a ledger has one", prices_.currency(), before);
}

std::shared_ptr<const Caller> Gate::enter(const HttpRequest& request, Access access) const {
  if (access == Access::open) return nullptr;
  const std::string_view text = key_of(request);
  if (text.empty())
    throw wrong_key("no API key was given, expected \"Authorization: Bearer KEY\" or \"x-api-key: KEY\"");
  std::optional<accounts::StoredKey> found;
  if (const auto id = accounts::id_in(text)) try {
      found = store_.find_key(*id);
    } catch (const Error& error) {
      throw ledger_error(error);
    }
  if (!found || !accounts::same(accounts::hash_of(text), found->hash))
    throw wrong_key("Authentication Fails: the API key is not one of this server's");
  if (!accounts::is_valid(found->key, accounts::now()))
    throw wrong_key(fmt::format("Authentication Fails: the API key {} {}", found->key.id,
                                found->key.revoked ? "was revoked" : "has expired"));
  if (access == Access::admin && found->key.role != accounts::Role::admin)
    throw ApiError(403, "admin_key_required", "this path is for keys of the role admin");
  return std::make_shared<const Caller>(Caller{std::move(found->key)});
}

accounts::Reserved Gate::reserve(accounts::Reservation& wanted, Plan& plan, const ServedModel& model) const {
  accounts::Price worst = wanted.price;  // as if nothing were found in the cache
  worst.miss = std::max(worst.hit, worst.miss);
  const auto cost = [&](std::int64_t open_tokens) {
    return accounts::cost_of(most_of(plan, model, open_tokens), worst);
  };
  wanted.most = cost(model.context + 1);
  wanted.least = cost(1);
  accounts::Reserved reserved;
  try {
    reserved = store_.reserve(wanted);
  } catch (const Error& error) {
    throw ledger_error(error);
  }
  if (reserved.row == 0) refuse(reserved, wanted, wanted.moment);
  if (reserved.held >= wanted.most) return reserved;
  const auto lengths = std::views::iota(std::int64_t{1}, model.context + 2);
  const std::int64_t fits =
      *std::ranges::partition_point(lengths, [&](std::int64_t n) { return cost(n) <= reserved.held; }) - 1;
  for (Request& request : plan.requests)
    if (request.max_tokens < 0) request.max_tokens = std::min(fits, room(request, model));
  return reserved;
}

void Gate::check_model(const Caller& caller, const std::string& id) {
  if (!accounts::may_use(caller.key, id))
    throw ApiError(403, "model_not_allowed", fmt::format("this key may not use the model \"{}\"", id),
                   "model");
}

std::unique_ptr<accounts::Bill> Gate::open(const Caller& caller, const ServedModel& model,
                                           const std::string& answer, Plan& plan, HttpHeaders& headers) {
  const accounts::Key& key = caller.key;
  check_model(caller, model.id);
  if (!share_cache_)
    for (Request& request : plan.requests) request.tenant = key.owner;
  const auto time = std::chrono::steady_clock::now();
  const std::int64_t prompt = prompt_tokens(plan);
  if (const auto refusal = allowances_.enter(key, prompt, time)) {
    ApiError error(
        429, "rate_limit_exceeded",
        fmt::format("Rate limit reached: the key may have {} {}", refusal->most, name(refusal->limit)));
    error.retry_after_s = whole_seconds(refusal->wait_s);
    error.headers = standing_headers(allowances_.standings(key, time));
    throw error;
  }
  const bool sparse = model.topk > 0 && model.run.attention != AttentionMode::dense;
  accounts::Reservation wanted{.key = key.id,
                               .answer = answer,
                               .model = model.id,
                               .currency = prices_.currency(),
                               .moment = accounts::now()};
  wanted.price = prices_.at(model.id, sparse, wanted.moment);
  accounts::Reserved reserved;
  try {
    reserved = reserve(wanted, plan, model);
  } catch (const ApiError&) {
    allowances_.leave(key.id, -prompt);
    throw;
  }
  if (reserved.held < wanted.most)
    headers.emplace_back("X-Dsa-Max-Tokens", std::to_string(plan.requests.front().max_tokens));
  for (auto& header : standing_headers(allowances_.standings(key, time)))
    headers.push_back(std::move(header));
  return std::make_unique<accounts::Bill>(
      meter_, reserved.row, wanted.price, prices_.currency(),
      [this, id = key.id, name = model.id](const TokenCounts& tokens, Money cost) {
        ended(id, name, tokens, cost);
      });
}

void Gate::ended(const std::string& key, const std::string& model, const TokenCounts& tokens, Money cost) {
  allowances_.leave(key, tokens.output);
  const std::scoped_lock lock(mutex_);
  Total& total = totals_[{key, model}];
  total.cost += cost;
  total.tokens.hit += tokens.hit;
  total.tokens.miss += tokens.miss;
  total.tokens.output += tokens.output;
}

HttpAnswer Gate::balance(const Caller& caller) const {
  try {
    const auto funds = store_.funds(caller.key.id, accounts::now());
    nlohmann::ordered_json infos = nlohmann::ordered_json::array();
    if (caller.key.limits.prepaid)
      infos.push_back({{"currency", prices_.currency()},
                       {"total_balance", money_text(funds.deposited - funds.spent)},
                       {"granted_balance", money_text(0)},
                       {"topped_up_balance", money_text(funds.deposited - funds.spent)}});
    const nlohmann::ordered_json out{
        {"is_available", accounts::available(caller.key.limits, funds).amount > 0},
        {"balance_infos", std::move(infos)}};
    return {.body = json_text(out) + "\n"};
  } catch (const Error& error) {
    throw ledger_error(error);
  }
}

HttpAnswer Gate::usage(const HttpRequest& request) const {
  accounts::UsageFilter filter{.key = std::string(request.query("key"))};
  const auto day = [&](const char* name) -> std::optional<accounts::Day> {
    const std::string_view text = request.query(name);
    const auto day = accounts::parse_day(text);
    if (!text.empty() && !day)
      throw invalid_value(
          name, fmt::format("{} is \"{}\", expected a day, \"2026-01-31\"", name, printable(text, 40)));
    return day;
  };
  filter.since = day("since");
  if (const auto until = day("until")) filter.before = *until + std::chrono::days(1);
  try {
    return {.body = json_text(accounts::usage_json(store_.usage(filter))) + "\n"};
  } catch (const Error& error) {
    throw ledger_error(error);
  }
}

HttpAnswer Gate::keys() const {
  try {
    return {.body = json_text(accounts::keys_json(store_, accounts::now())) + "\n"};
  } catch (const Error& error) {
    throw ledger_error(error);
  }
}

std::string Gate::metrics() const {
  std::string tokens =
      "# HELP dsa_billed_tokens_total Tokens that were billed, by key.\n"
      "# TYPE dsa_billed_tokens_total counter\n";
  std::string cost = "# HELP dsa_cost_total Money that was billed, by key.\n# TYPE dsa_cost_total counter\n";
  const std::scoped_lock lock(mutex_);
  for (const auto& [who, total] : totals_) {
    const std::string labels = fmt::format("key=\"{}\",model_name=\"{}\"", who.first, who.second);
    for (const auto& [kind, count] :
         {std::pair("hit", total.tokens.hit), std::pair("miss", total.tokens.miss),
          std::pair("output", total.tokens.output)})
      tokens += fmt::format("dsa_billed_tokens_total{{{},kind=\"{}\"}} {}\n", labels, kind, count);
    cost += fmt::format("dsa_cost_total{{{},currency=\"{}\"}} {}\n", labels, prices_.currency(),
                        money_text(total.cost));
  }
  return tokens + cost;
}

}  // namespace dsa::server
