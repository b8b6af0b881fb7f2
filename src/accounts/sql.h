// What the ledger asks of a database, whichever it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dsa::accounts {

/// What stands for ?1, ?2, ... in a statement; refers to what it was made of.
using SqlValue = std::variant<std::monostate, std::int64_t, std::string_view, std::span<const std::byte>>;

inline SqlValue sql_value(std::int64_t value) { return value; }
inline SqlValue sql_value(std::string_view value) { return value; }
inline SqlValue sql_value(std::span<const std::byte> value) { return value; }
inline SqlValue sql_value(const std::optional<std::int64_t>& value) {
  return value ? SqlValue(*value) : SqlValue();
}

/// A statement that runs, row by row.  Columns count from 0.
class SqlCursor {
 public:
  virtual ~SqlCursor() = default;
  /// The next row; false: there is none.
  virtual bool next() = 0;
  [[nodiscard]] virtual std::optional<std::int64_t> optional_number(int column) const = 0;
  [[nodiscard]] virtual std::string bytes(int column) const = 0;
  /// Rows that the statement changed, once next() is false.
  [[nodiscard]] virtual std::int64_t changes() const = 0;
};

/// A SqlCursor by value.
class SqlRows {
 public:
  explicit SqlRows(std::unique_ptr<SqlCursor> cursor) : cursor_(std::move(cursor)) {}
  bool next() { return cursor_->next(); }
  [[nodiscard]] std::int64_t number(int column) const { return optional_number(column).value_or(0); }
  [[nodiscard]] std::optional<std::int64_t> optional_number(int column) const {
    return cursor_->optional_number(column);
  }
  [[nodiscard]] std::string text(int column) const { return cursor_->bytes(column); }
  [[nodiscard]] std::int64_t changes() const { return cursor_->changes(); }

 private:
  std::unique_ptr<SqlCursor> cursor_;
};

/// An open database.  One thread at a time.  What fails throws Error that names it.
class SqlDatabase {
 public:
  virtual ~SqlDatabase() = default;

  /// How messages call it.
  [[nodiscard]] virtual std::string who() const = 0;
  /// Statements without values or rows.
  virtual void run(const std::string& statements) = 0;
  /// `text` is a literal, in words that every database here knows: it is compiled once, and known by its
  /// address.
  virtual std::unique_ptr<SqlCursor> start(const char* text, std::span<const SqlValue> values) = 0;
  /// The same for each of `rows`, in their order, for its effect.
  virtual void run_each(const char* text, std::span<const std::vector<SqlValue>> rows);
  /// A transaction that holds other writers off from its beginning on.
  virtual void begin() = 0;
  /// Throws if the database is not the one that was opened.
  virtual void check_there() {}

  template <class... Values>
  SqlRows query(const char* text, const Values&... values) {
    const SqlValue all[] = {sql_value(values)..., SqlValue()};
    return SqlRows(start(text, std::span(all, sizeof...(values))));
  }
  /// The same, for its effect; how many rows it changed.
  template <class... Values>
  std::int64_t execute(const char* text, const Values&... values) {
    SqlRows rows = query(text, values...);
    while (rows.next()) {
    }
    return rows.changes();
  }
};

/// All or nothing.
class SqlTransaction {
 public:
  explicit SqlTransaction(SqlDatabase& database);
  SqlTransaction(const SqlTransaction&) = delete;
  SqlTransaction& operator=(const SqlTransaction&) = delete;
  ~SqlTransaction();
  void commit();

 private:
  SqlDatabase& database_;
  bool open_ = true;
};

}  // namespace dsa::accounts
