// SQLite as C++: what fails throws Error that names the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace dsa::accounts {

class Sqlite;

/// A statement with its values, until the next one of the same text.  Columns and values count from 0.
class SqlRows {
 public:
  SqlRows(Sqlite& database, sqlite3_stmt* statement) : database_(&database), statement_(statement) {}
  SqlRows(SqlRows&& other) noexcept
      : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}
  SqlRows& operator=(SqlRows&&) = delete;
  ~SqlRows();

  /// The next row; false: there is none.
  bool next();
  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::optional<std::int64_t> optional_number(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::span<const std::byte> bytes(int column) const;  // until next()

  void bind(int index, std::int64_t value);
  void bind(int index, const std::optional<std::int64_t>& value);
  void bind(int index, std::string_view value);
  void bind(int index, std::span<const std::byte> value);

 private:
  Sqlite* database_;
  sqlite3_stmt* statement_;
};

/// A database file.  One thread at a time.
class Sqlite {
 public:
  /// Opens it, or makes it, for its owner's eyes alone, and its folder.
  explicit Sqlite(const std::filesystem::path& path);
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;
  ~Sqlite();

  /// Statements without values or rows.
  void run(const char* statements);
  /// `text` is a literal: it is compiled once, and known by its address.
  template <class... Values>
  SqlRows query(const char* text, const Values&... values) {
    SqlRows rows(*this, compiled(text));
    int index = 0;
    (rows.bind(index++, values), ...);
    return rows;
  }
  /// The same, for its effect; how many rows it changed.
  template <class... Values>
  std::int64_t execute(const char* text, const Values&... values) {
    SqlRows rows = query(text, values...);
    while (rows.next()) {
    }
    return changes();
  }
  [[nodiscard]] std::int64_t last_row() const;
  /// Throws if the file is not the one that was opened: removed, or another one in its place.
  void check_there();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  [[noreturn]] void failed() const;  // with SQLite's own words

 private:
  sqlite3_stmt* compiled(const char* text);
  [[nodiscard]] std::int64_t changes() const;

  std::filesystem::path path_;
  sqlite3* database_ = nullptr;
  std::map<const char*, sqlite3_stmt*> statements_;
};

/// All or nothing; it holds others off from its beginning on.
class SqlTransaction {
 public:
  explicit SqlTransaction(Sqlite& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }
  SqlTransaction(const SqlTransaction&) = delete;
  SqlTransaction& operator=(const SqlTransaction&) = delete;
  ~SqlTransaction();
  void commit();

 private:
  Sqlite& database_;
  bool open_ = true;
};

}  // namespace dsa::accounts
