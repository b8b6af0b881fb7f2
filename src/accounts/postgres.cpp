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

constexpr std::size_t kSentTogether = 200;  // statements, before their answers are read

// What stands for $1, $2, ... as libpq takes it.
class Parameters {
 public:
  explicit Parameters(std::span<const SqlValue> values)
      : texts_(values.size()),
        data_(values.size(), nullptr),
        lengths_(values.size()),
        formats_(values.size()) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::holds_alternative<std::monostate>(values[i])) continue;  // null
      if (const auto* number = std::get_if<std::int64_t>(&values[i])) texts_[i] = std::to_string(*number);
      if (const auto* word = std::get_if<std::string_view>(&values[i])) texts_[i] = *word;
      if (const auto* bytes = std::get_if<std::span<const std::byte>>(&values[i])) {
        texts_[i].assign(reinterpret_cast<const char*>(bytes->data()), bytes->size());
        formats_[i] = 1;
      }
      data_[i] = texts_[i].c_str();
      lengths_[i] = static_cast<int>(texts_[i].size());
    }
  }
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;
  [[nodiscard]] int count() const { return static_cast<int>(texts_.size()); }
  [[nodiscard]] const char* const* data() const { return data_.data(); }
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<const char*> data_;
  std::vector<int> lengths_, formats_;
};

int hex_digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

}  // namespace

bool is_postgres(std::string_view where) {
  return where.starts_with("postgresql://") || where.starts_with("postgres://");
}

std::string without_password(std::string where) {
  if (!is_postgres(where)) return where;
  // Backwards, so that what was found stays where it is.  A name and its password end at the '@' of the host.
  for (auto at = where.rfind("password="); at != std::string::npos && at > 0;
       at = where.rfind("password=", at - 1)) {
    const auto begin = where.find_last_of("?&", at);
    const std::string_view name = std::string_view(where).substr(begin + 1, at - begin - 1);
    if (begin == std::string::npos || (!name.empty() && name != "ssl")) continue;
    const auto value = at + std::string_view("password=").size();
    where.replace(value, std::min(where.find('&', value), where.size()) - value, "***");
  }
  const auto user = where.find("://") + 3;
  const auto host = where.rfind('@', where.find('/', user));
  const auto colon = where.find(':', user);
  if (host != std::string::npos && host > colon && where.find('@', user) < where.find('/', user))
    where.replace(colon + 1, host - colon - 1, "***");
  return where;
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
  std::string name = fmt::format("s{}", statements_.size());
  const Result result(PQprepare(connection_.get(), name.c_str(), with_dollars(text).c_str(), 0, nullptr),
                      PQclear);
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK)
    return statements_.emplace(text, std::move(name)).first->second;
  static const std::string kNone = "unknown";  // its execution says what is wrong
  if (PQstatus(connection_.get()) == CONNECTION_OK) failed(PQerrorMessage(connection_.get()));
  return kNone;
}

std::unique_ptr<SqlCursor> Postgres::start(const char* text, std::span<const SqlValue> values) {
  const Parameters all(values);
  return std::make_unique<Cursor>(checked([&] {
    return PQexecPrepared(connection_.get(), prepared(text).c_str(), all.count(), all.data(), all.lengths(),
                          all.formats(), /*resultFormat=*/0);
  }));
}

void Postgres::run_each(const char* text, std::span<const std::vector<SqlValue>> rows) {
  if (rows.size() < 2 || !in_transaction_) return SqlDatabase::run_each(text, rows);
  const std::string& statement = prepared(text);
  for (; !rows.empty(); rows = rows.subspan(std::min(rows.size(), kSentTogether)))
    send_each(statement, rows.first(std::min(rows.size(), kSentTogether)));
}

void Postgres::send_each(const std::string& statement, std::span<const std::vector<SqlValue>> rows) {
  PGconn* const to = connection_.get();
  bool sent = PQenterPipelineMode(to) == 1;
  for (const auto& values : rows) {
    const Parameters all(values);
    sent = sent && PQsendQueryPrepared(to, statement.c_str(), all.count(), all.data(), all.lengths(),
                                       all.formats(), /*resultFormat=*/0) == 1;
  }
  sent = sent && PQpipelineSync(to) == 1;
  if (!sent) failed(PQerrorMessage(to));
  std::string why;
  // A null parts the answers of two statements; what follows one that has failed is not run.
  for (bool over = false; !over && PQstatus(to) == CONNECTION_OK;) {
    const Result result(PQgetResult(to), PQclear);
    if (result == nullptr) continue;
    const ExecStatusType status = PQresultStatus(result.get());
    over = status == PGRES_PIPELINE_SYNC;
    if (!over && status != PGRES_COMMAND_OK && why.empty()) why = PQresultErrorMessage(result.get());
  }
  if (why.empty() && PQexitPipelineMode(to) == 1 && PQstatus(to) == CONNECTION_OK) return;
  (void)PQexitPipelineMode(to);
  failed(why.empty() ? PQerrorMessage(to) : why);
}

}  // namespace dsa::accounts
