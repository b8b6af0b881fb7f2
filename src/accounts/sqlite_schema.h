// Of sqlite_accounts.cpp alone: the tables.  Times are milliseconds since 1970, money is millionths.
#pragma once

namespace dsa::accounts {

inline constexpr std::int64_t kLedgerApplication = 0x64736131;  // "dsa1"
inline constexpr std::int64_t kLedgerVersion = 1;

// `totals` is the sum of the ledger by key and day, kept by the database itself.
inline constexpr const char* kLedgerSchema = R"(
CREATE TABLE keys(
  id TEXT PRIMARY KEY, hash BLOB NOT NULL, owner TEXT NOT NULL, role TEXT NOT NULL, models TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER, revoked INTEGER, requests_per_minute INTEGER,
  tokens_per_minute INTEGER, concurrency INTEGER, budget_day INTEGER, budget_month INTEGER,
  prepaid INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE changes(
  id INTEGER PRIMARY KEY, key TEXT NOT NULL REFERENCES keys, time INTEGER NOT NULL,
  what TEXT NOT NULL) STRICT;
CREATE TABLE deposits(
  id INTEGER PRIMARY KEY, key TEXT NOT NULL REFERENCES keys, time INTEGER NOT NULL,
  amount INTEGER NOT NULL) STRICT;
CREATE INDEX deposits_by_key ON deposits(key, amount);
CREATE TABLE servers(id INTEGER PRIMARY KEY AUTOINCREMENT, started INTEGER NOT NULL) STRICT;
CREATE TABLE ledger(
  id INTEGER PRIMARY KEY, server INTEGER NOT NULL, key TEXT NOT NULL REFERENCES keys, answer TEXT NOT NULL,
  model TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER, currency TEXT NOT NULL,
  price_hit INTEGER NOT NULL, price_miss INTEGER NOT NULL, price_output INTEGER NOT NULL,
  hit INTEGER NOT NULL DEFAULT 0, miss INTEGER NOT NULL DEFAULT 0, output INTEGER NOT NULL DEFAULT 0,
  cost INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL, status TEXT NOT NULL DEFAULT 'open') STRICT;
CREATE INDEX ledger_by_time ON ledger(started);
CREATE INDEX ledger_by_key ON ledger(key, started);
CREATE INDEX ledger_open ON ledger(server) WHERE status = 'open';
CREATE TABLE totals(
  key TEXT NOT NULL, day INTEGER NOT NULL, cost INTEGER NOT NULL, held INTEGER NOT NULL,
  PRIMARY KEY(key, day)) STRICT, WITHOUT ROWID;
CREATE TRIGGER ledger_begins AFTER INSERT ON ledger BEGIN
  INSERT INTO totals VALUES(new.key, new.started / 86400000, new.cost, new.held)
  ON CONFLICT(key, day) DO UPDATE SET cost = cost + excluded.cost, held = held + excluded.held;
END;
CREATE TRIGGER ledger_changes AFTER UPDATE OF cost, held ON ledger BEGIN
  UPDATE totals SET cost = cost + new.cost - old.cost, held = held + new.held - old.held
  WHERE key = new.key AND day = new.started / 86400000;
END;
)";

}  // namespace dsa::accounts
