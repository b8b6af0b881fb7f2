#include "accounts/postgres_accounts.h"

#include <chrono>
#include <thread>

#include "accounts/ledger_schema.h"
#include "base/error.h"

namespace dsa::accounts {
namespace {

// So long an old connection of ours may live on at the other end.
constexpr int kTries = 20;
constexpr std::chrono::milliseconds kBetweenTries{100};

constexpr const char* kTakeNumber =
    "SELECT pg_try_advisory_lock(CAST(CAST('servers'::regclass::oid AS BIGINT) % 2147483647 AS INTEGER), "
    "CAST(?1 AS INTEGER))::integer";
constexpr const char* kReleaseNumber =
    "SELECT pg_advisory_unlock(CAST(CAST('servers'::regclass::oid AS BIGINT) % 2147483647 AS INTEGER), "
    "CAST(?1 AS INTEGER))::integer";

}  // namespace

PostgresAccounts::PostgresAccounts(const std::string& uri)
    : PostgresAccounts(std::make_unique<Postgres>(uri)) {}

PostgresAccounts::PostgresAccounts(std::unique_ptr<Postgres> database)
    : SqlAccounts(std::move(database)), postgres_(static_cast<Postgres&>(db())) {
  make_tables();
}

void PostgresAccounts::make_tables() {
  const auto number = [&](const char* text) {
    SqlRows rows = db().query(text);
    return rows.next() ? rows.number(0) : 0;
  };
  SqlTransaction all(db());
  if (number("SELECT (to_regclass('ledger_version') IS NOT NULL)::integer") == 0) {
    if (number("SELECT (to_regclass('ledger') IS NOT NULL OR to_regclass('keys') IS NOT NULL)::integer") != 0)
      fail("{}: has tables of those names, but no ledger of dsa's", who());
    db().run(kPostgresSchema);
  } else if (const auto version = number("SELECT version FROM ledger_version"); version != kLedgerVersion) {
    fail("{}: is a ledger of version {}, expected {}: a newer dsa has made it", who(), version,
         kLedgerVersion);
  }
  all.commit();
}

// With each connection anew: a server without its number would be taken for a dead one.
void PostgresAccounts::prepare_to_serve() {
  postgres_.on_connected([this] {
    postgres_.run("SET statement_timeout = 10000");
    if (server() == 0) return;
    for (int i = 0; !take_number(server()); ++i) {
      if (i == kTries) fail("{}: another server has our number", who());
      std::this_thread::sleep_for(kBetweenTries);
    }
  });
}

bool PostgresAccounts::take_number(std::int64_t server) {
  SqlRows row = db().query(kTakeNumber, server);
  return row.next() && row.number(0) != 0;
}

void PostgresAccounts::release_number(std::int64_t server) {
  SqlRows row = db().query(kReleaseNumber, server);
  row.next();
}

}  // namespace dsa::accounts
