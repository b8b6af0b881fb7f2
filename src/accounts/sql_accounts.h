// Keys, deposits and the ledger in tables, in statements that every database here knows.
#pragma once

#include <memory>
#include <mutex>

#include "accounts/account_store.h"
#include "accounts/sql.h"

namespace dsa::accounts {

/// Any number of programs may have one database open.  A row that is open belongs to a server that lives, or
/// to one that died: a number that is taken by its server, until that ends, tells which.
class SqlAccounts : public AccountStore {
 public:
  ~SqlAccounts() override;

  /// How messages call it.
  [[nodiscard]] std::string who() const { return database_->who(); }
  /// From now on reserve() may be called.  Rows that dead servers left open are ended, "killed", with what
  /// they say; how many there were.  Changes then survive the death of this process at any time.
  std::int64_t serve(Moment moment);
  /// The same for servers that have died since.
  std::int64_t end_dead(Moment moment);

  void add_key(const Key& key, const KeyHash& hash) override;
  std::optional<StoredKey> find_key(const std::string& id) override;
  std::vector<Key> keys() override;
  bool revoke_key(const std::string& id, Moment moment) override;
  bool limit_key(const std::string& id, const KeyLimits& limits, Moment moment) override;
  void deposit(const std::string& id, Money amount, Moment moment) override;
  Funds funds(const std::string& id, Moment moment) override;
  Reserved reserve(const Reservation& reservation) override;
  void change(std::span<const RowChange> changes) override;
  std::string currency() override;
  std::vector<UsageRow> usage(const UsageFilter& filter) override;
  std::vector<AuditRow> audit(const UsageFilter& filter) override;

 protected:
  explicit SqlAccounts(std::unique_ptr<SqlDatabase> database);
  [[nodiscard]] SqlDatabase& db() { return *database_; }
  /// 0: it does not serve.
  [[nodiscard]] std::int64_t server() const { return server_; }

 private:
  virtual void prepare_to_serve() = 0;
  /// Takes a server's number for as long as this lives; false: a server that lives has it.
  virtual bool take_number(std::int64_t server) = 0;
  virtual void release_number(std::int64_t) {}
  std::int64_t end_rows_of_dead(Moment moment);
  void note(const std::string& id, std::string_view what, Moment moment);
  Funds read_funds(const std::string& id, Moment moment);

  std::mutex mutex_;
  std::unique_ptr<SqlDatabase> database_;
  std::int64_t server_ = 0;
};

}  // namespace dsa::accounts
