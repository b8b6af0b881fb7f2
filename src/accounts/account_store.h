// Where keys, deposits and the ledger are kept: an interface, so that another database can stand behind it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accounts/key.h"
#include "accounts/price.h"

namespace dsa::accounts {

struct StoredKey {
  Key key;
  KeyHash hash;
};

/// What a key has and has spent; `held` is reserved for requests that run.
struct Funds {
  Money deposited = 0;
  Money spent = 0;
  Money held = 0;
  Money today = 0;  // spent and held
  Money month = 0;
};

/// Which of a key's bounds leaves the least.
enum class Bound : std::uint8_t { none, balance, day, month };
struct Available {
  Money amount = kMostMoney;
  Bound bound = Bound::none;
};
Available available(const KeyLimits& limits, const Funds& funds);

/// What a request may cost at most, and the least that it makes sense with.
struct Reservation {
  std::string key = {};
  std::string answer = {};  // its id, as the client is told
  std::string model = {};
  std::string currency = {};
  Price price = {};
  Money most = 0;
  Money least = 0;
  Moment moment = {};
};
/// row 0: there is too little.
struct Reserved {
  std::int64_t row = 0;
  Money held = 0;
  Available available = {};
};

/// What a row says from now on.
struct RowChange {
  std::int64_t row = 0;
  TokenCounts tokens = {};
  Money cost = 0;
  std::string_view status = {};  // "": it stays open; else how it ended, for good.  A literal
  Moment moment = {};
};

struct UsageFilter {
  std::string key = {};  // "": all
  std::optional<Day> since = {};
  std::optional<Day> before = {};
};
struct UsageRow {
  std::string key;
  std::string owner;
  Day day;
  std::string model;
  std::string currency;
  std::int64_t requests = 0;
  TokenCounts tokens = {};
  Money cost = 0;
};
/// A request, or, with an empty model, what was done to a key.
struct AuditRow {
  Moment moment;
  std::string key;
  std::string answer;
  std::string model;
  std::string currency;
  Price price = {};
  TokenCounts tokens = {};
  Money cost = 0;
  std::string status;
};

/// Thread-safe.  Everything throws Error if the store fails; then nothing of the call was done.
class AccountStore {
 public:
  virtual ~AccountStore() = default;

  virtual void add_key(const Key& key, const KeyHash& hash) = 0;
  virtual std::optional<StoredKey> find_key(const std::string& id) = 0;
  virtual std::vector<Key> keys() = 0;
  /// False: there is no such key, or it is revoked already.
  virtual bool revoke_key(const std::string& id, Moment moment) = 0;
  virtual bool limit_key(const std::string& id, const KeyLimits& limits, Moment moment) = 0;
  /// Adds to its balance; a negative amount takes away.
  virtual void deposit(const std::string& id, Money amount, Moment moment) = 0;
  virtual Funds funds(const std::string& id, Moment moment) = 0;

  /// Opens a row that holds as much of `most` as the key has left, if that is `least` or more.  Two calls
  /// never hold the same money.
  virtual Reserved reserve(const Reservation& reservation) = 0;
  /// All of them or none; a row that has ended changes no more.
  virtual void change(std::span<const RowChange> changes) = 0;
  /// The currency of the rows there are; "": there is none.
  virtual std::string currency() = 0;

  /// By key, day and model.
  virtual std::vector<UsageRow> usage(const UsageFilter& filter) = 0;
  /// By time.
  virtual std::vector<AuditRow> audit(const UsageFilter& filter) = 0;
};

}  // namespace dsa::accounts
