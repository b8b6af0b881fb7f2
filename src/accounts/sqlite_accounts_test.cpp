#include "accounts/sqlite_accounts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/error.h"
#include "testing/ledger_case.h"

namespace dsa::accounts {
namespace {

struct SqliteAccountsTest : ::testing::Test {
  SqliteAccountsTest() { store.serve(kNoon); }

  LedgerFile file;
  SqliteAccounts store{file.path()};
};

TEST_F(SqliteAccountsTest, TheFileHoldsNoKeyAndIsItsOwnersAlone) {
  const std::string text = add_key(store, "0000000a");
  for (const auto& entry : std::filesystem::directory_iterator(file.path().parent_path())) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(bytes.find(text.substr(20)), std::string::npos) << entry.path();
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms(077), std::filesystem::perms::none)
        << entry.path();
  }
}

TEST_F(SqliteAccountsTest, ALedgerThatWasRemovedIsNotWrittenTo) {
  add_key(store, "a");
  std::filesystem::remove(file.path());
  EXPECT_THROW(store.reserve(reservation("a", 1, 1)), Error);
}

TEST(SqliteAccounts, WhatIsNoLedgerIsRefusedAndLeftAsItIs) {
  const LedgerFile file;
  {
    std::ofstream(file.path()) << "this is a text, and longer than the header of a database would be, "
                                  "which is a hundred bytes";
    EXPECT_THROW(SqliteAccounts store(file.path()), Error);
  }
  std::filesystem::remove(file.path());
  Sqlite other(file.path());
  other.run("CREATE TABLE t(x)");
  EXPECT_THROW(SqliteAccounts store(file.path()), Error) << "another program's";
  EXPECT_THROW(SqliteAccounts store("/dev/null/accounts.db"), Error);
}

TEST(SqliteAccounts, ALedgerOfANewerVersionIsRefused) {
  const LedgerFile file;
  { const SqliteAccounts store(file.path()); }
  { Sqlite(file.path()).run("PRAGMA user_version = 2"); }
  EXPECT_THROW(SqliteAccounts store(file.path()), Error);
}

}  // namespace
}  // namespace dsa::accounts
