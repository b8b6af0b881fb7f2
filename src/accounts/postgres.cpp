#include "accounts/postgres.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/error.h"

namespace dsa::accounts {
namespace {

constexpr Oid kBytea = 17;
// Of all programs that write ledgers in one database one at a time does.
constexpr const char* kBegin = "BEGIN; SELECT pg_advisory_xact_lock(1685283121)";

// "postgresql://host/database": what a person has to know, and nothing secret.
std::string place_of(const std::string& uri) {
  char* error = nullptr;
  PQconninfoOption* options = PQconninfoParse(uri.c_str(), &error);
  if (options == nullptr) {
    const std::string why = error != nullptr ? error : "out of memory";
    PQfreemem(error);
    fail("the ledger's address: {}", printable(why.substr(0, why.find('\n')), 200));
  }
  std::string host = "localhost", database;
  for (const PQconninfoOption* one = options; one->keyword != nullptr; ++one) {
    if (one->val == nullptr) continue;
    if (std::string_view(one->keyword) == "host") host = one->val;
    if (std::string_view(one->keyword) == "dbname") database = one->val;
  }
  PQconninfoFree(options);
  return fmt::format("postgresql://{}/{}", host, database);
}

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return text;
}

int hex_digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

}  // namespace

bool is_postgres(std::string_view where) {
  return where.starts_with("postgresql://") || where.starts_with("postgres://");
}

std::string with_dollars(std::string_view statement) {
  std::string out;
  bool quoted = false;
  for (const char c : statement) {
    if (c == '\'') quoted = !quoted;
    out += c == '?' && !quoted ? '$' : c;
  }
  return out;
}

class Postgres::Cursor final : public SqlCursor {
 public:
  explicit Cursor(Result result) : result_(std::move(result)) {}

  bool next() override { return ++row_ < PQntuples(result_.get()); }
  std::optional<std::int64_t> optional_number(int column) const override {
    if (PQgetisnull(result_.get(), row_, column) != 0) return std::nullopt;
    const std::string_view text = cell(column);
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  std::string bytes(int column) const override {
    const std::string_view text = cell(column);
    if (PQftype(result_.get(), column) != kBytea) return std::string(text);
    std::string out;  // "\x00ff"
    for (std::size_t i = 2; i + 1 < text.size(); i += 2)
      out += static_cast<char>(hex_digit(text[i]) * 16 + hex_digit(text[i + 1]));
    return out;
  }
  std::int64_t changes() const override {
    const std::string_view text = PQcmdTuples(result_.get());
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

 private:
  std::string_view cell(int column) const {
    return {PQgetvalue(result_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }
  Result result_;
  int row_ = -1;
};

Postgres::Postgres(const std::string& uri) : uri_(uri), who_(place_of(uri)), connection_(nullptr, PQfinish) {
  connect();
}

void Postgres::failed(std::string why) const {
  fail("{}: {}", who_, printable(one_line(std::move(why)), 300));
}

// What the address itself says goes before these.
void Postgres::connect() {
  connection_ = nullptr;
  statements_.clear();
  in_transaction_ = false;
  const std::array keys{"connect_timeout", "tcp_user_timeout", "fallback_application_name", "dbname",
                        static_cast<const char*>(nullptr)};
  const std::array values{"5", "10000", "dsa", uri_.c_str(), static_cast<const char*>(nullptr)};
  connection_.reset(PQconnectdbParams(keys.data(), values.data(), /*expand_dbname=*/1));
  if (connection_ == nullptr) fail("{}: out of memory", who_);
  if (PQstatus(connection_.get()) != CONNECTION_OK) failed(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  if (then_) then_();
}

void Postgres::on_connected(std::function<void()> then) {
  then_ = std::move(then);
  then_();
}

Postgres::Result Postgres::checked(const std::function<pg_result*()>& ask) {
  const bool may_reconnect = !in_transaction_;
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    in_transaction_ = false;
    if (!may_reconnect) failed("the connection broke");
    connect();
  }
  for (bool again = may_reconnect;; again = false) {
    Result result(ask(), PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return result;
    const std::string why = PQerrorMessage(connection_.get());
    if (!again || PQstatus(connection_.get()) == CONNECTION_OK) failed(why);
    connect();
  }
}

void Postgres::run(const std::string& statements) {
  const bool ends = statements == "COMMIT" || statements == "ROLLBACK";
  const Result result = [&] {
    try {
      return checked([&] { return PQexec(connection_.get(), statements.c_str()); });
    } catch (...) {
      if (ends) in_transaction_ = false;
      throw;
    }
  }();
  if (ends) in_transaction_ = false;
  // One that has failed is rolled back by COMMIT, and that is no error to the database.
  if (statements == "COMMIT" && std::string_view(PQcmdStatus(result.get())) != "COMMIT")
    failed("the transaction was rolled back");
}

void Postgres::begin() {
  run(kBegin);
  in_transaction_ = true;
}

const std::string& Postgres::prepared(const char* text) {
  const auto found = statements_.find(text);
  if (found != statements_.end()) return found->second;
  const std::string name = fmt::format("s{}", statements_.size());
  const Result result(PQprepare(connection_.get(), name.c_str(), with_dollars(text).c_str(), 0, nullptr),
                      PQclear);
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) return statements_[text] = name;
  static const std::string kNone = "unknown";  // its execution says what is wrong
  if (PQstatus(connection_.get()) == CONNECTION_OK) failed(PQerrorMessage(connection_.get()));
  return kNone;
}

std::unique_ptr<SqlCursor> Postgres::start(const char* text, std::span<const SqlValue> values) {
  std::vector<std::string> texts(values.size());
  std::vector<const char*> data(values.size(), nullptr);  // null where the value is
  std::vector<int> lengths(values.size(), 0), formats(values.size(), 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::holds_alternative<std::monostate>(values[i])) continue;
    if (const auto* number = std::get_if<std::int64_t>(&values[i])) texts[i] = std::to_string(*number);
    if (const auto* word = std::get_if<std::string_view>(&values[i])) texts[i] = *word;
    if (const auto* bytes = std::get_if<std::span<const std::byte>>(&values[i])) {
      texts[i].assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
      formats[i] = 1;
    }
    data[i] = texts[i].c_str();
    lengths[i] = static_cast<int>(texts[i].size());
  }
  return std::make_unique<Cursor>(checked([&] {
    return PQexecPrepared(connection_.get(), prepared(text).c_str(), static_cast<int>(values.size()),
                          data.data(), lengths.data(), formats.data(), /*resultFormat=*/0);
  }));
}

}  // namespace dsa::accounts
