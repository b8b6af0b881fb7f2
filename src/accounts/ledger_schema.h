// Of sqlite_accounts.cpp and postgres_accounts.cpp alone: the tables, in the words of each.  Times are
// milliseconds since 1970, money is millionths.
#pragma once

#include <cstdint>

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

inline constexpr const char* kPostgresSchema = R"(
CREATE TABLE keys(
  id TEXT PRIMARY KEY, hash BYTEA NOT NULL, owner TEXT NOT NULL, role TEXT NOT NULL, models TEXT NOT NULL,
  created BIGINT NOT NULL, expires BIGINT, revoked BIGINT, requests_per_minute BIGINT,
  tokens_per_minute BIGINT, concurrency BIGINT, budget_day BIGINT, budget_month BIGINT,
  prepaid BIGINT NOT NULL);
CREATE TABLE changes(
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key TEXT NOT NULL REFERENCES keys, time BIGINT NOT NULL,
  what TEXT NOT NULL);
CREATE TABLE deposits(
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key TEXT NOT NULL REFERENCES keys, time BIGINT NOT NULL,
  amount BIGINT NOT NULL);
CREATE INDEX deposits_by_key ON deposits(key, amount);
CREATE TABLE servers(id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, started BIGINT NOT NULL);
CREATE TABLE ledger(
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, server BIGINT NOT NULL,
  key TEXT NOT NULL REFERENCES keys, answer TEXT NOT NULL, model TEXT NOT NULL,
  started BIGINT NOT NULL, ended BIGINT, currency TEXT NOT NULL,
  price_hit BIGINT NOT NULL, price_miss BIGINT NOT NULL, price_output BIGINT NOT NULL,
  hit BIGINT NOT NULL DEFAULT 0, miss BIGINT NOT NULL DEFAULT 0, output BIGINT NOT NULL DEFAULT 0,
  cost BIGINT NOT NULL DEFAULT 0, held BIGINT NOT NULL, status TEXT NOT NULL DEFAULT 'open');
CREATE INDEX ledger_by_time ON ledger(started);
CREATE INDEX ledger_by_key ON ledger(key, started);
CREATE INDEX ledger_open ON ledger(server) WHERE status = 'open';
CREATE TABLE totals(
  key TEXT NOT NULL, day BIGINT NOT NULL, cost BIGINT NOT NULL, held BIGINT NOT NULL,
  PRIMARY KEY(key, day));
CREATE FUNCTION ledger_adds_up() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO totals AS t VALUES(new.key, new.started / 86400000, new.cost, new.held)
    ON CONFLICT(key, day) DO UPDATE SET cost = t.cost + excluded.cost, held = t.held + excluded.held;
  ELSE
    UPDATE totals SET cost = cost + new.cost - old.cost, held = held + new.held - old.held
    WHERE key = new.key AND day = new.started / 86400000;
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER ledger_changes AFTER INSERT OR UPDATE OF cost, held ON ledger
  FOR EACH ROW EXECUTE FUNCTION ledger_adds_up();
CREATE TABLE ledger_version(version BIGINT NOT NULL);
INSERT INTO ledger_version VALUES(1);
)";

}  // namespace dsa::accounts
