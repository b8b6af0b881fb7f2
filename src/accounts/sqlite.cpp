#include "accounts/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/error.h"
#include "base/who.h"

namespace dsa::accounts {
namespace {

constexpr int kBusyMs = 10'000;  // so long another program may keep us waiting

// SQLite would make it for all to read; its companions (-wal, -shm) get the mode of the file itself.
void make_private(const std::filesystem::path& path) {
  std::error_code none;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), none);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);  // what cannot be opened SQLite complains of
}

}  // namespace

SqlRows::~SqlRows() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool SqlRows::next() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) database_->failed();
  return false;
}

std::int64_t SqlRows::number(int column) const { return sqlite3_column_int64(statement_, column); }
std::optional<std::int64_t> SqlRows::optional_number(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
  return number(column);
}
std::span<const std::byte> SqlRows::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  return {static_cast<const std::byte*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}
std::string SqlRows::text(int column) const {
  const auto all = bytes(column);
  return {reinterpret_cast<const char*>(all.data()), all.size()};
}

void SqlRows::bind(int index, std::int64_t value) {
  if (sqlite3_bind_int64(statement_, index + 1, value) != SQLITE_OK) database_->failed();
}
void SqlRows::bind(int index, const std::optional<std::int64_t>& value) {
  if (value) bind(index, *value);  // else it is null already
}
void SqlRows::bind(int index, std::string_view value) {
  if (sqlite3_bind_text64(statement_, index + 1, value.data() != nullptr ? value.data() : "", value.size(),
                          SQLITE_TRANSIENT, SQLITE_UTF8) != SQLITE_OK)
    database_->failed();
}
void SqlRows::bind(int index, std::span<const std::byte> value) {
  if (sqlite3_bind_blob64(statement_, index + 1, value.data(), value.size(), SQLITE_TRANSIENT) != SQLITE_OK)
    database_->failed();
}

Sqlite::Sqlite(const std::filesystem::path& path) : path_(path) {
  make_private(path);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &database_, flags, nullptr) != SQLITE_OK) {
    const std::string why = database_ != nullptr ? sqlite3_errmsg(database_) : "out of memory";
    sqlite3_close(database_);
    fail("{}: {}", who(path), why);
  }
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, kBusyMs);
}

Sqlite::~Sqlite() {
  for (const auto& [text, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

void Sqlite::failed() const { fail("{}: {}", who(path_), sqlite3_errmsg(database_)); }

void Sqlite::run(const char* statements) {
  if (sqlite3_exec(database_, statements, nullptr, nullptr, nullptr) != SQLITE_OK) failed();
}

sqlite3_stmt* Sqlite::compiled(const char* text) {
  sqlite3_stmt*& statement = statements_[text];
  if (statement == nullptr && sqlite3_prepare_v2(database_, text, -1, &statement, nullptr) != SQLITE_OK)
    failed();
  return statement;
}

std::int64_t Sqlite::changes() const { return sqlite3_changes64(database_); }
std::int64_t Sqlite::last_row() const { return sqlite3_last_insert_rowid(database_); }

void Sqlite::check_there() {
  int moved = 0;
  if (sqlite3_file_control(database_, nullptr, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0)
    fail("{}: it was removed or replaced while in use: put it back and start again", who(path_));
}

SqlTransaction::~SqlTransaction() {
  if (!open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const Error&) {  // SQLite has rolled back by itself
  }
}

void SqlTransaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace dsa::accounts
