// SQLite as C++.
#pragma once

#include <filesystem>
#include <map>

#include "accounts/sql.h"

struct sqlite3;
struct sqlite3_stmt;

namespace dsa::accounts {

/// A database file.
class Sqlite final : public SqlDatabase {
 public:
  /// Opens it, or makes it, for its owner's eyes alone, and its folder.
  explicit Sqlite(const std::filesystem::path& path);
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;
  ~Sqlite() override;

  [[nodiscard]] std::string who() const override;
  void run(const std::string& statements) override;
  /// One cursor of a text at a time.
  std::unique_ptr<SqlCursor> start(const char* text, std::span<const SqlValue> values) override;
  void begin() override { run("BEGIN IMMEDIATE"); }
  /// Throws if the file was removed, or another one is in its place.
  void check_there() override;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  class Cursor;
  [[noreturn]] void failed() const;  // with SQLite's own words
  sqlite3_stmt* compiled(const char* text);
  void bind(sqlite3_stmt* statement, int index, const SqlValue& value);

  std::filesystem::path path_;
  sqlite3* database_ = nullptr;
  std::map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace dsa::accounts
