// Who may ask for what, and who pays: between the routes and the accounts.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "accounts/allowance.h"
#include "accounts/bill.h"
#include "server/answer_writer.h"
#include "server/http_message.h"
#include "server/models.h"

namespace dsa::server {

/// Who may use a route.
enum class Access : std::uint8_t { open, user, admin };
std::string_view name(Access access);  // "anybody", "any key", "admin keys"

/// Who asks.
struct Caller {
  accounts::Key key;
};

/// Thread-safe.
class Gate {
 public:
  /// `store` must outlive this, and everything of a request that is billed must have ended before.
  Gate(accounts::AccountStore& store, accounts::PriceBook prices, bool share_cache);

  /// Throws ApiError 401 or 403, and 503 if keys cannot be looked at.
  [[nodiscard]] std::shared_ptr<const Caller> enter(const HttpRequest& request, Access access) const;

  /// Throws ApiError 403 for a model that is not for this key.
  static void check_model(const Caller& caller, const std::string& id);

  /// Reserves what the plan may cost, and sets what its requests have of the caller: the tenant, and fewer
  /// tokens where the body names no number of them and the key has not enough for all.  `headers` get what
  /// is left.  Throws ApiError 402, 403, 429 or 503; then nothing is reserved.
  [[nodiscard]] std::unique_ptr<accounts::Bill> open(const Caller& caller, const ServedModel& model,
                                                     const std::string& answer, Plan& plan,
                                                     HttpHeaders& headers);

  /// GET /user/balance, in DeepSeek's shape.
  [[nodiscard]] HttpAnswer balance(const Caller& caller) const;
  /// GET /admin/usage?key=&since=&until=.  Throws ApiError.
  [[nodiscard]] HttpAnswer usage(const HttpRequest& request) const;
  /// GET /admin/keys.  Throws ApiError.
  [[nodiscard]] HttpAnswer keys() const;
  /// Tokens and money since the server began, for /metrics.
  [[nodiscard]] std::string metrics() const;
  /// Waits, for so long at most, until what has been put down is in the store, and told.
  void flush(std::chrono::milliseconds most) { meter_.flush(most); }

 private:
  struct Total {
    accounts::TokenCounts tokens;
    accounts::Money cost = 0;
  };
  accounts::Reserved reserve(accounts::Reservation& reservation, Plan& plan, const ServedModel& model) const;
  void ended(const std::string& key, const std::string& model, const accounts::TokenCounts& tokens,
             accounts::Money cost);

  accounts::AccountStore& store_;
  accounts::PriceBook prices_;
  bool share_cache_;
  mutable accounts::Allowances allowances_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Total> totals_;  // by key and model
  accounts::Meter meter_;                                        // ends first
};

}  // namespace dsa::server
