#include "accounts/sqlite_accounts.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "accounts/ledger_schema.h"
#include "base/error.h"
#include "base/who.h"

namespace dsa::accounts {

/// A byte of a file beside the ledger for each server that ever was, locked while that server lives.
class SqliteAccounts::ServerLock {
 public:
  explicit ServerLock(std::filesystem::path path) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) fail("{}: cannot be opened: {}", dsa::who(path_), std::strerror(errno));
  }
  ServerLock(const ServerLock&) = delete;
  ServerLock& operator=(const ServerLock&) = delete;
  ~ServerLock() { ::close(fd_); }

  /// False: somebody else has it.
  bool take(std::int64_t server) {
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = server;
    range.l_len = 1;
    if (::fcntl(fd_, F_OFD_SETLK, &range) == 0) return true;
    if (errno == EAGAIN || errno == EACCES) return false;
    fail("{}: cannot be locked: {}", dsa::who(path_), std::strerror(errno));
  }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

SqliteAccounts::SqliteAccounts(const std::filesystem::path& path)
    : SqlAccounts(std::make_unique<Sqlite>(path)), path_(path) {
  db().run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  make_tables();
}

SqliteAccounts::~SqliteAccounts() = default;

void SqliteAccounts::make_tables() {
  const auto pragma = [&](const char* text) {
    SqlRows rows = db().query(text);
    rows.next();
    return rows.number(0);
  };
  SqlTransaction all(db());
  const std::int64_t version = pragma("PRAGMA user_version");
  const std::int64_t application = pragma("PRAGMA application_id");
  if (version == 0 && application == 0 && pragma("SELECT COUNT(*) FROM sqlite_schema") == 0) {
    db().run(kLedgerSchema);
    db().run(fmt::format("PRAGMA user_version = {}", kLedgerVersion));
    db().run(fmt::format("PRAGMA application_id = {}", kLedgerApplication));
  } else if (application != kLedgerApplication) {
    fail("{}: is a database, but no ledger of dsa's", who());
  } else if (version != kLedgerVersion) {
    fail("{}: is a ledger of version {}, expected {}: a newer dsa has made it", who(), version,
         kLedgerVersion);
  }
  all.commit();
}

// Changes then survive the death of this process at any time, and may be lost in the last moments before the
// machine loses its power.
void SqliteAccounts::prepare_to_serve() {
  db().run("PRAGMA synchronous = NORMAL");
  if (lock_) return;
  std::filesystem::path path = path_;
  path += "-servers";
  lock_ = std::make_unique<ServerLock>(path);
}

bool SqliteAccounts::take_number(std::int64_t server) { return lock_ && lock_->take(server); }

}  // namespace dsa::accounts
