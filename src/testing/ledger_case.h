// A ledger in a folder of its own, and what tests put into it.
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "accounts/open_ledger.h"
#include "accounts/postgres.h"
#include "accounts/sqlite_accounts.h"
#include "base/env.h"
#include "base/error.h"

namespace dsa::accounts {

/// A file that is gone, with all beside it, at the end.
class LedgerFile {
 public:
  LedgerFile() {
    std::string name = (std::filesystem::temp_directory_path() / "dsa-ledger-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  LedgerFile(const LedgerFile&) = delete;
  LedgerFile& operator=(const LedgerFile&) = delete;
  ~LedgerFile() { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "accounts.db"; }

 private:
  std::filesystem::path folder_;
};

/// Where PostgreSQL may be tried, as tests/server/postgres_test.sh says it; "": nowhere.
inline std::string test_database() { return env_or("DSA_TEST_LEDGER", ""); }

/// A place for a ledger, empty: a file or, `in_postgres`, a schema of test_database().
class LedgerPlace {
 public:
  explicit LedgerPlace(bool in_postgres) {
    place_ = file_.path().string();
    if (!in_postgres) return;
    Postgres(test_database()).run("DROP SCHEMA IF EXISTS test CASCADE; CREATE SCHEMA test");
    place_ = test_database() + "&options=-csearch_path%3Dtest";
  }
  [[nodiscard]] std::unique_ptr<SqlAccounts> open() const { return open_ledger(place_); }

 private:
  LedgerFile file_;
  std::string place_;
};

inline const Moment kNoon = Moment(parse_day("2026-01-15").value()) + std::chrono::hours(12);

/// Gives back the key's text.
inline std::string add_key(AccountStore& store, const std::string& id, KeyLimits limits = {},
                           Money deposit = 0, const std::string& owner = "owner", Role role = Role::user) {
  const std::string text = "dsa-" + id + "-" + std::string(64, '1');
  store.add_key({.id = id, .owner = owner, .role = role, .created = kNoon, .limits = std::move(limits)},
                hash_of(text));
  if (deposit != 0) store.deposit(id, deposit, kNoon);
  return text;
}

inline Reservation reservation(const std::string& key, Money most, Money least, Moment moment = kNoon) {
  return {.key = key,
          .answer = "answer",
          .model = "m",
          .currency = "USD",
          .price = {.hit = 0, .miss = 0, .output = kMoneyUnit},  // a millionth a token
          .most = most,
          .least = least,
          .moment = moment};
}

/// A ledger whose disk can be full.
class FailingAccounts final : public AccountStore {
 public:
  explicit FailingAccounts(AccountStore& store) : store_(store) {}
  void change(std::span<const RowChange> changes) override {
    if (full) fail("no space is left");
    store_.change(changes);
  }
  void add_key(const Key& key, const KeyHash& hash) override { store_.add_key(key, hash); }
  std::optional<StoredKey> find_key(const std::string& id) override { return store_.find_key(id); }
  std::vector<Key> keys() override { return store_.keys(); }
  bool revoke_key(const std::string& id, Moment m) override { return store_.revoke_key(id, m); }
  bool limit_key(const std::string& id, const KeyLimits& l, Moment m) override {
    return store_.limit_key(id, l, m);
  }
  void deposit(const std::string& id, Money a, Moment m) override { store_.deposit(id, a, m); }
  Funds funds(const std::string& id, Moment m) override { return store_.funds(id, m); }
  Reserved reserve(const Reservation& r) override { return store_.reserve(r); }
  std::string currency() override { return store_.currency(); }
  std::vector<UsageRow> usage(const UsageFilter& f) override { return store_.usage(f); }
  std::vector<AuditRow> audit(const UsageFilter& f) override { return store_.audit(f); }

  std::atomic<bool> full{false};

 private:
  AccountStore& store_;
};

}  // namespace dsa::accounts
