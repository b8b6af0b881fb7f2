#include "accounts/open_ledger.h"

#include "accounts/postgres_accounts.h"
#include "accounts/sqlite_accounts.h"
#include "base/env.h"
#include "base/error.h"
#include "base/log.h"
#include "base/present.h"

namespace dsa::accounts {
std::filesystem::path default_ledger() { return dsa_home() / "accounts.db"; }

std::unique_ptr<SqlAccounts> open_ledger(const std::string& place) {
  if (is_postgres(place)) return std::make_unique<PostgresAccounts>(place);
  return std::make_unique<SqliteAccounts>(place.empty() ? default_ledger() : std::filesystem::path(place));
}

bool ledger_present(const std::string& place) {
  return is_postgres(place) || present(place.empty() ? default_ledger() : std::filesystem::path(place));
}

Caretaker::Caretaker(SqlAccounts& store, std::chrono::milliseconds every)
    : store_(store), every_(every), thread_([this] { work(); }) {}

Caretaker::~Caretaker() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Caretaker::work() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, every_, [&] { return stop_; })) try {
      if (const auto ended = store_.end_dead(now()); ended > 0)
        warn("{}: {} requests of a server that was killed are billed as far as they had come", store_.who(),
             ended);
    } catch (const Error& error) {
      warn("rows of dead servers: {}", error.what());
    }
}

}  // namespace dsa::accounts
