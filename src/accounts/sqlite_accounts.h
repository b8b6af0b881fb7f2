// Keys, deposits and the ledger in one SQLite file.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "accounts/account_store.h"
#include "accounts/sqlite.h"

namespace dsa::accounts {

/// $DSA_HOME/accounts.db.
std::filesystem::path default_ledger();

/// Any number of programs may have one file open.  A row that is open belongs to a server that lives, or to
/// one that died; a lock that the system lets go with the process tells which.
class SqliteAccounts final : public AccountStore {
 public:
  /// Makes the file if there is none.  Throws Error for a file that is another's or a newer version's.
  explicit SqliteAccounts(const std::filesystem::path& path);
  ~SqliteAccounts() override;

  /// From now on reserve() may be called.  Rows that dead servers left open are ended, "killed", with what
  /// they say; how many there were.  Changes then survive the death of this process at any time, and may be
  /// lost in the last moments before the machine loses its power.
  std::int64_t serve(Moment moment);

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

 private:
  class ServerLock;
  void make_tables();
  void note(const std::string& id, std::string_view what, Moment moment);
  Funds read_funds(const std::string& id, Moment moment);

  std::mutex mutex_;
  Sqlite database_;
  std::unique_ptr<ServerLock> lock_;
  std::int64_t server_ = 0;
};

}  // namespace dsa::accounts
