#include "accounts/sql.h"

#include "base/error.h"

namespace dsa::accounts {

void SqlDatabase::run_each(const char* text, std::span<const std::vector<SqlValue>> rows) {
  for (const auto& values : rows)
    for (SqlRows row(start(text, values)); row.next();) {
    }
}

SqlTransaction::SqlTransaction(SqlDatabase& database) : database_(database) { database_.begin(); }

SqlTransaction::~SqlTransaction() {
  if (!open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const Error&) {  // the database has rolled back by itself
  }
}

void SqlTransaction::commit() {
  database_.run("COMMIT");
  open_ = false;
}

}  // namespace dsa::accounts
