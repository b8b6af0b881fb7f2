#include "accounts/account_store.h"

#include <algorithm>

namespace dsa::accounts {

Available available(const KeyLimits& limits, const Funds& funds) {
  Available out;
  const auto bound = [&](Money amount, Bound by) {
    if (amount < out.amount) out = {.amount = std::max<Money>(amount, 0), .bound = by};
  };
  if (limits.prepaid) bound(funds.deposited - funds.spent - funds.held, Bound::balance);
  if (limits.budget_day) bound(*limits.budget_day - funds.today, Bound::day);
  if (limits.budget_month) bound(*limits.budget_month - funds.month, Bound::month);
  return out;
}

}  // namespace dsa::accounts
