#include "accounts/bill.h"

#include <utility>

namespace dsa::accounts {

std::string_view name(BillEnd end) {
  switch (end) {
    case BillEnd::whole:
      return "done";
    case BillEnd::left:
      return "left";
    case BillEnd::failed:
      return "failed";
    case BillEnd::refused:
      return "refused";
  }
  return "";
}

Bill::Bill(Meter& meter, std::int64_t row, const Price& price, std::string currency, Ended ended)
    : meter_(meter), row_(row), price_(price), currency_(std::move(currency)), ended_(std::move(ended)) {}

Bill::~Bill() {
  if (open_) settle(BillEnd::refused, {}, nullptr);
}

void Bill::advance(const TokenCounts& so_far, Meter::Then then) {
  meter_.put({.row = row_, .tokens = so_far, .cost = cost(so_far)}, std::move(then));
}

void Bill::settle(BillEnd end, const TokenCounts& tokens, Meter::Then then) {
  open_ = false;
  const bool pays = end == BillEnd::whole || end == BillEnd::left;
  const TokenCounts billed = pays ? tokens : TokenCounts{};
  if (ended_) ended_(billed, cost(billed));
  meter_.put({.row = row_, .tokens = billed, .cost = cost(billed), .status = name(end), .moment = now()},
             std::move(then));
}

}  // namespace dsa::accounts
