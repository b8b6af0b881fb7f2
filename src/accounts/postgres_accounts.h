// Keys, deposits and the ledger in PostgreSQL, for several servers at once.
#pragma once

#include <string>

#include "accounts/postgres.h"
#include "accounts/sql_accounts.h"

namespace dsa::accounts {

/// A server's number is an advisory lock of its connection, which the database lets go with it.
class PostgresAccounts final : public SqlAccounts {
 public:
  /// Makes the tables if there are none.  Throws Error for a database that is another's or a newer version's,
  /// or cannot be reached.
  explicit PostgresAccounts(const std::string& uri);

 private:
  explicit PostgresAccounts(std::unique_ptr<Postgres> database);
  void make_tables();
  void prepare_to_serve() override;
  bool take_number(std::int64_t server) override;
  void release_number(std::int64_t server) override;

  Postgres& postgres_;
};

}  // namespace dsa::accounts
