// Keys, deposits and the ledger in one SQLite file.
#pragma once

#include <filesystem>
#include <memory>

#include "accounts/sql_accounts.h"
#include "accounts/sqlite.h"

namespace dsa::accounts {

/// A server's number is a byte of a file beside it, which the system lets go with the process.
class SqliteAccounts final : public SqlAccounts {
 public:
  /// Makes the file if there is none.  Throws Error for a file that is another's or a newer version's.
  explicit SqliteAccounts(const std::filesystem::path& path);
  ~SqliteAccounts() override;

 private:
  class ServerLock;
  void make_tables();
  void prepare_to_serve() override;
  bool take_number(std::int64_t server) override;

  std::filesystem::path path_;
  std::unique_ptr<ServerLock> lock_;
};

}  // namespace dsa::accounts
