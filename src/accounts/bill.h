// What one request costs, from its reservation to its end.
#pragma once

#include <functional>
#include <string>

#include "accounts/meter.h"

namespace dsa::accounts {

/// How a request ended, as its row says; what is not `whole` and not `left` costs nothing.
enum class BillEnd : std::uint8_t {
  whole,    // every answer was given
  left,     // its client went: it pays for what it was sent
  failed,   // by our fault
  refused,  // it never ran
};
std::string_view name(BillEnd end);  // "done", "left", "failed", "refused"

/// Ends exactly once: by settle(), else when it is destroyed, as refused.  Thread-safe but for settle(),
/// which one thread calls, last.
class Bill {
 public:
  /// Called at its end, with what it pays for.
  using Ended = std::function<void(const TokenCounts& tokens, Money cost)>;

  Bill(Meter& meter, std::int64_t row, const Price& price, std::string currency, Ended ended);
  ~Bill();
  Bill(const Bill&) = delete;
  Bill& operator=(const Bill&) = delete;

  [[nodiscard]] Money cost(const TokenCounts& tokens) const { return cost_of(tokens, price_); }
  [[nodiscard]] const std::string& currency() const { return currency_; }
  /// So much will have been delivered by what `then` sends: a client is never sent what no row tells of.
  void advance(const TokenCounts& so_far, Meter::Then then);
  void settle(BillEnd end, const TokenCounts& tokens, Meter::Then then);

 private:
  Meter& meter_;
  std::int64_t row_;
  Price price_;
  std::string currency_;
  Ended ended_;
  bool open_ = true;
};

}  // namespace dsa::accounts
