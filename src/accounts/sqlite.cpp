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

/// A statement with its values, until the next one of the same text.
class Sqlite::Cursor final : public SqlCursor {
 public:
  Cursor(const Sqlite& database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;
  ~Cursor() override {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  bool next() override {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result != SQLITE_DONE) database_.failed();
    return false;
  }
  std::optional<std::int64_t> optional_number(int column) const override {
    if (sqlite3_column_type(statement_, column) == SQLITE_NULL) return std::nullopt;
    return sqlite3_column_int64(statement_, column);
  }
  std::string bytes(int column) const override {
    const void* data = sqlite3_column_blob(statement_, column);
    return {static_cast<const char*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }
  std::int64_t changes() const override { return sqlite3_changes64(database_.database_); }

 private:
  const Sqlite& database_;
  sqlite3_stmt* statement_;
};

void Sqlite::bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  int result = SQLITE_OK;  // what is not bound is null
  if (const auto* number = std::get_if<std::int64_t>(&value))
    result = sqlite3_bind_int64(statement, index, *number);
  else if (const auto* text = std::get_if<std::string_view>(&value))
    result = sqlite3_bind_text64(statement, index, text->data() != nullptr ? text->data() : "", text->size(),
                                 SQLITE_TRANSIENT, SQLITE_UTF8);
  else if (const auto* bytes = std::get_if<std::span<const std::byte>>(&value))
    result = sqlite3_bind_blob64(statement, index, bytes->data(), bytes->size(), SQLITE_TRANSIENT);
  if (result != SQLITE_OK) failed();
}

std::unique_ptr<SqlCursor> Sqlite::start(const char* text, std::span<const SqlValue> values) {
  sqlite3_stmt* statement = compiled(text);
  auto cursor = std::make_unique<Cursor>(*this, statement);
  for (std::size_t i = 0; i < values.size(); ++i) bind(statement, static_cast<int>(i) + 1, values[i]);
  return cursor;
}

Sqlite::Sqlite(const std::filesystem::path& path) : path_(path) {
  make_private(path);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &database_, flags, nullptr) != SQLITE_OK) {
    const std::string why = database_ != nullptr ? sqlite3_errmsg(database_) : "out of memory";
    sqlite3_close(database_);
    fail("{}: {}", dsa::who(path), why);
  }
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, kBusyMs);
}

Sqlite::~Sqlite() {
  for (const auto& [text, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

std::string Sqlite::who() const { return dsa::who(path_); }

void Sqlite::failed() const { fail("{}: {}", dsa::who(path_), sqlite3_errmsg(database_)); }

void Sqlite::run(const std::string& statements) {
  if (sqlite3_exec(database_, statements.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) failed();
}

sqlite3_stmt* Sqlite::compiled(const char* text) {
  sqlite3_stmt*& statement = statements_[text];
  if (statement == nullptr && sqlite3_prepare_v2(database_, text, -1, &statement, nullptr) != SQLITE_OK)
    failed();
  return statement;
}

void Sqlite::check_there() {
  int moved = 0;
  if (sqlite3_file_control(database_, nullptr, SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0)
    fail("{}: it was removed or replaced while in use: put it back and start again", dsa::who(path_));
}

}  // namespace dsa::accounts
