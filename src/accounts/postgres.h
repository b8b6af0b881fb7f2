// PostgreSQL as C++ (libpq).
#pragma once

#include <functional>
#include <map>

#include "accounts/sql.h"

struct pg_conn;
struct pg_result;

namespace dsa::accounts {

/// Whether a ledger's place is a database of this kind: "postgresql://..." or "postgres://...".
bool is_postgres(std::string_view where);

/// "postgresql://anna:***@host/bills?sslpassword=***": such a place as it may be shown; others as they are.
std::string without_password(std::string where);

/// One connection, made again when it breaks, but never within a transaction.
class Postgres final : public SqlDatabase {
 public:
  explicit Postgres(const std::string& uri);
  Postgres(const Postgres&) = delete;
  Postgres& operator=(const Postgres&) = delete;
  /// Without user and password.
  [[nodiscard]] std::string who() const override { return who_; }
  void run(const std::string& statements) override;
  std::unique_ptr<SqlCursor> start(const char* text, std::span<const SqlValue> values) override;
  /// Of one round trip.
  void run_each(const char* text, std::span<const std::vector<SqlValue>> rows) override;
  void begin() override;
  /// Called now, and whenever there is a new connection; may use this.
  void on_connected(std::function<void()> then);

 private:
  class Cursor;
  using Result = std::unique_ptr<pg_result, void (*)(pg_result*)>;
  void connect();
  /// Again with a new connection, if the one there is turns out to be broken.
  Result checked(const std::function<pg_result*()>& ask);
  const std::string& prepared(const char* text);
  void send_each(const std::string& statement, std::span<const std::vector<SqlValue>> rows);
  [[noreturn]] void failed(std::string why) const;

  std::string uri_;
  std::string who_;
  std::unique_ptr<pg_conn, void (*)(pg_conn*)> connection_;
  std::map<const char*, std::string> statements_;  // their names, by text
  std::function<void()> then_;
  bool in_transaction_ = false;
};

/// "WHERE id = ?1" is "WHERE id = $1".
std::string with_dollars(std::string_view statement);

}  // namespace dsa::accounts
