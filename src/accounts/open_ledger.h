// A ledger by its place, whichever database that is.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "accounts/sql_accounts.h"

namespace dsa::accounts {

/// $DSA_HOME/accounts.db.
std::filesystem::path default_ledger();

/// `place`: a file, "postgresql://...", or "" for the default one.  Makes what is not there.  Throws Error.
std::unique_ptr<SqlAccounts> open_ledger(const std::string& place);
/// Whether there may be one at that place: a file that is not there is none.
bool ledger_present(const std::string& place);

/// Ends rows of servers that die while this one lives.
class Caretaker {
 public:
  /// `store` serves already, and must outlive it.  `every`: so often it looks.
  explicit Caretaker(SqlAccounts& store, std::chrono::milliseconds every = std::chrono::seconds(15));
  ~Caretaker();
  Caretaker(const Caretaker&) = delete;
  Caretaker& operator=(const Caretaker&) = delete;

 private:
  void work();

  SqlAccounts& store_;
  std::chrono::milliseconds every_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace dsa::accounts
