#include "accounts/key_report.h"

#include <nlohmann/json.hpp>

namespace dsa::accounts {
namespace {

using Shown = nlohmann::ordered_json;

Shown optional_money(const std::optional<Money>& amount) {
  return amount ? Shown(money_text(*amount)) : Shown();
}
Shown optional_count(const std::optional<std::int64_t>& count) { return count ? Shown(*count) : Shown(); }
Shown optional_moment(const std::optional<Moment>& moment) {
  return moment ? Shown(moment_text(*moment)) : Shown();
}

Shown key_json(const Key& key, const Funds& funds) {
  const KeyLimits& l = key.limits;
  return {{"id", key.id},
          {"owner", key.owner},
          {"role", name(key.role)},
          {"created", moment_text(key.created)},
          {"expires", optional_moment(l.expires)},
          {"revoked", optional_moment(key.revoked)},
          {"models", l.models},
          {"requests_per_minute", optional_count(l.requests_per_minute)},
          {"tokens_per_minute", optional_count(l.tokens_per_minute)},
          {"concurrency", optional_count(l.concurrency)},
          {"balance", l.prepaid ? Shown(money_text(funds.deposited - funds.spent)) : Shown()},
          {"budget_day", optional_money(l.budget_day)},
          {"budget_month", optional_money(l.budget_month)},
          {"spent", money_text(funds.spent)}};
}

}  // namespace

nlohmann::ordered_json keys_json(AccountStore& store, Moment now) {
  Shown keys = Shown::array();
  for (const Key& key : store.keys()) keys.push_back(key_json(key, store.funds(key.id, now)));
  return {{"keys", std::move(keys)}};
}

}  // namespace dsa::accounts
