#include "accounts/sql_accounts.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/error.h"

namespace dsa::accounts {
namespace {

std::int64_t ms(Moment moment) { return moment.time_since_epoch().count(); }
Moment moment_of(std::int64_t ms) { return Moment(std::chrono::milliseconds(ms)); }
std::int64_t number(Day day) { return day.time_since_epoch().count(); }

std::optional<std::int64_t> ms(const std::optional<Moment>& moment) {
  if (!moment) return std::nullopt;
  return ms(*moment);
}
std::optional<Moment> optional_moment(std::optional<std::int64_t> ms) {
  if (!ms) return std::nullopt;
  return moment_of(*ms);
}

// One a line.
std::string joined(const std::vector<std::string>& models) {
  std::string out;
  for (const std::string& model : models) out += (out.empty() ? "" : "\n") + model;
  return out;
}
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    out.emplace_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), out.back().size() + 1));
  }
  return out;
}

constexpr const char* kKeyColumns =
    "SELECT id, owner, role, models, created, expires, revoked, requests_per_minute, tokens_per_minute, "
    "concurrency, budget_day, budget_month, prepaid, hash FROM keys ORDER BY created, id";
constexpr const char* kOneKey =
    "SELECT id, owner, role, models, created, expires, revoked, requests_per_minute, tokens_per_minute, "
    "concurrency, budget_day, budget_month, prepaid, hash FROM keys WHERE id = ?1";

Key read_key(const SqlRows& row) {
  return {.id = row.text(0),
          .owner = row.text(1),
          .role = parse_role(row.text(2)).value_or(Role::user),
          .created = moment_of(row.number(4)),
          .revoked = optional_moment(row.optional_number(6)),
          .limits = {.models = split(row.text(3)),
                     .expires = optional_moment(row.optional_number(5)),
                     .requests_per_minute = row.optional_number(7),
                     .tokens_per_minute = row.optional_number(8),
                     .concurrency = row.optional_number(9),
                     .budget_day = row.optional_number(10),
                     .budget_month = row.optional_number(11),
                     .prepaid = row.number(12) != 0}};
}

// Bounds of a filter as numbers that stand for "none" too.
std::int64_t first_ms(const UsageFilter& filter) { return filter.since ? ms(Moment(*filter.since)) : 0; }
std::int64_t end_ms(const UsageFilter& filter) {
  return filter.before ? ms(Moment(*filter.before)) : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

SqlAccounts::SqlAccounts(std::unique_ptr<SqlDatabase> database) : database_(std::move(database)) {}
SqlAccounts::~SqlAccounts() = default;

std::int64_t SqlAccounts::end_rows_of_dead(Moment moment) {
  std::vector<std::int64_t> servers;
  for (SqlRows row = db().query("SELECT DISTINCT server FROM ledger WHERE status = 'open'"); row.next();)
    servers.push_back(row.number(0));
  std::int64_t ended = 0;
  for (const std::int64_t server : servers) {
    if (server == server_ || !take_number(server)) continue;
    ended += db().execute(
        "UPDATE ledger SET held = 0, status = 'killed', ended = ?1 WHERE status = 'open' AND server = ?2",
        ms(moment), server);
    release_number(server);
  }
  return ended;
}

std::int64_t SqlAccounts::serve(Moment moment) {
  const std::scoped_lock lock(mutex_);
  prepare_to_serve();
  SqlTransaction all(db());
  const std::int64_t ended = end_rows_of_dead(moment);
  {
    SqlRows row = db().query("INSERT INTO servers(started) VALUES(?1) RETURNING id", ms(moment));
    if (!row.next()) fail("{}: gives a server no number", who());
    server_ = row.number(0);
    while (row.next()) {
    }
  }
  if (!take_number(server_)) fail("{}: another server has the number {}", who(), server_);
  all.commit();
  return ended;
}

std::int64_t SqlAccounts::end_dead(Moment moment) {
  const std::scoped_lock lock(mutex_);
  SqlTransaction all(db());
  const std::int64_t ended = end_rows_of_dead(moment);
  all.commit();
  return ended;
}

void SqlAccounts::note(const std::string& id, std::string_view what, Moment moment) {
  db().execute("INSERT INTO changes(key, time, what) VALUES(?1, ?2, ?3)", id, ms(moment), what);
}

void SqlAccounts::add_key(const Key& key, const KeyHash& hash) {
  const std::scoped_lock lock(mutex_);
  const KeyLimits& l = key.limits;
  SqlTransaction all(db());
  db().execute("INSERT INTO keys VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)", key.id,
               std::span<const std::byte>(hash), key.owner, name(key.role), joined(l.models), ms(key.created),
               ms(l.expires), ms(key.revoked), l.requests_per_minute, l.tokens_per_minute, l.concurrency,
               l.budget_day, l.budget_month, std::int64_t{l.prepaid});
  note(key.id, "created", key.created);
  all.commit();
}

std::optional<StoredKey> SqlAccounts::find_key(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  SqlRows row = db().query(kOneKey, id);
  if (!row.next()) return std::nullopt;
  StoredKey out{.key = read_key(row), .hash = {}};
  const std::string hash = row.text(13);
  if (hash.size() != out.hash.size()) fail("{}: key {} has no hash", who(), id);
  std::ranges::copy(std::as_bytes(std::span(hash)), out.hash.begin());
  return out;
}

std::vector<Key> SqlAccounts::keys() {
  const std::scoped_lock lock(mutex_);
  std::vector<Key> out;
  for (SqlRows row = db().query(kKeyColumns); row.next();) out.push_back(read_key(row));
  return out;
}

bool SqlAccounts::revoke_key(const std::string& id, Moment moment) {
  const std::scoped_lock lock(mutex_);
  SqlTransaction all(db());
  if (db().execute("UPDATE keys SET revoked = ?1 WHERE id = ?2 AND revoked IS NULL", ms(moment), id) == 0)
    return false;
  note(id, "revoked", moment);
  all.commit();
  return true;
}

bool SqlAccounts::limit_key(const std::string& id, const KeyLimits& l, Moment moment) {
  const std::scoped_lock lock(mutex_);
  SqlTransaction all(db());
  if (db().execute(
          "UPDATE keys SET models = ?1, expires = ?2, requests_per_minute = ?3, tokens_per_minute = ?4, "
          "concurrency = ?5, budget_day = ?6, budget_month = ?7, prepaid = ?8 "
          "WHERE id = ?9 AND revoked IS NULL",
          joined(l.models), ms(l.expires), l.requests_per_minute, l.tokens_per_minute, l.concurrency,
          l.budget_day, l.budget_month, std::int64_t{l.prepaid}, id) == 0)
    return false;
  note(id, "limited", moment);
  all.commit();
  return true;
}

void SqlAccounts::deposit(const std::string& id, Money amount, Moment moment) {
  const std::scoped_lock lock(mutex_);
  SqlTransaction all(db());
  db().execute("INSERT INTO deposits(key, time, amount) VALUES(?1, ?2, ?3)", id, ms(moment), amount);
  note(id, "deposit " + money_text(amount), moment);
  all.commit();
}

Funds SqlAccounts::read_funds(const std::string& id, Moment moment) {
  const Day today = day_of(moment), month = month_of(today);
  Funds out;
  {
    SqlRows row =
        db().query("SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM deposits WHERE key = ?1", id);
    if (row.next()) out.deposited = row.number(0);
  }
  SqlRows row = db().query(
      "SELECT CAST(COALESCE(SUM(cost), 0) AS BIGINT), CAST(COALESCE(SUM(held), 0) AS BIGINT), "
      "CAST(COALESCE(SUM(CASE WHEN day = ?2 THEN cost + held END), 0) AS BIGINT), "
      "CAST(COALESCE(SUM(CASE WHEN day >= ?3 AND day < ?4 THEN cost + held END), 0) AS BIGINT) "
      "FROM totals WHERE key = ?1",
      id, number(today), number(month), number(next_month(today)));
  if (!row.next()) return out;
  out.spent = row.number(0);
  out.held = row.number(1);
  out.today = row.number(2);
  out.month = row.number(3);
  return out;
}

Funds SqlAccounts::funds(const std::string& id, Moment moment) {
  const std::scoped_lock lock(mutex_);
  return read_funds(id, moment);
}

Reserved SqlAccounts::reserve(const Reservation& r) {
  const std::scoped_lock lock(mutex_);
  DSA_CHECK(server_ != 0);
  db().check_there();
  SqlTransaction all(db());
  KeyLimits limits;
  {
    SqlRows row = db().query(kOneKey, r.key);
    if (!row.next()) fail("{}: there is no key {}", who(), r.key);
    limits = read_key(row).limits;
  }
  Reserved out{.available = available(limits, read_funds(r.key, r.moment))};
  if (out.available.amount < r.least || out.available.amount == 0) return out;
  out.held = std::min(r.most, out.available.amount);
  SqlRows row = db().query(
      "INSERT INTO ledger(server, key, answer, model, started, currency, price_hit, price_miss, "
      "price_output, held) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING id",
      server_, r.key, r.answer, r.model, ms(r.moment), r.currency, r.price.hit, r.price.miss, r.price.output,
      out.held);
  if (!row.next()) fail("{}: gives a request no row", who());
  out.row = row.number(0);
  while (row.next()) {
  }
  all.commit();
  return out;
}

// What a row costs and what it holds together stay what was reserved, until it ends.  A row that has ended
// stays as it is: what it has come to goes first.
void SqlAccounts::change(std::span<const RowChange> changes) {
  const std::scoped_lock lock(mutex_);
  std::vector<std::vector<SqlValue>> on, over;
  for (const RowChange& c : changes) {
    auto& values = (c.status.empty() ? on : over).emplace_back();
    for (const std::int64_t value : {c.tokens.hit, c.tokens.miss, c.tokens.output, c.cost, c.row})
      values.push_back(sql_value(value));
    if (c.status.empty()) continue;
    values.push_back(sql_value(std::string_view(c.status)));
    values.push_back(sql_value(ms(c.moment)));
  }
  SqlTransaction all(db());
  db().run_each(
      "UPDATE ledger SET hit = ?1, miss = ?2, output = ?3, cost = ?4, "
      "held = CASE WHEN held + cost > ?4 THEN held + cost - ?4 ELSE 0 END "
      "WHERE id = ?5 AND status = 'open'",
      on);
  db().run_each(
      "UPDATE ledger SET hit = ?1, miss = ?2, output = ?3, held = 0, cost = ?4, status = ?6, ended = ?7 "
      "WHERE id = ?5 AND status = 'open'",
      over);
  all.commit();
}

std::string SqlAccounts::currency() {
  const std::scoped_lock lock(mutex_);
  SqlRows row = db().query("SELECT currency FROM ledger ORDER BY id DESC LIMIT 1");
  return row.next() ? row.text(0) : "";
}

std::vector<UsageRow> SqlAccounts::usage(const UsageFilter& filter) {
  const std::scoped_lock lock(mutex_);
  SqlRows row = db().query(
      "SELECT ledger.key, owner, started / 86400000 AS day, model, currency, COUNT(*), "
      "CAST(SUM(hit) AS BIGINT), CAST(SUM(miss) AS BIGINT), CAST(SUM(output) AS BIGINT), "
      "CAST(SUM(cost) AS BIGINT) FROM ledger JOIN keys ON keys.id = ledger.key "
      "WHERE started >= ?1 AND started < ?2 AND (?3 = '' OR ledger.key = ?3) "
      "GROUP BY ledger.key, owner, day, model, currency ORDER BY day, ledger.key, model",
      first_ms(filter), end_ms(filter), filter.key);
  std::vector<UsageRow> out;
  while (row.next())
    out.push_back({.key = row.text(0),
                   .owner = row.text(1),
                   .day = Day(std::chrono::days(row.number(2))),
                   .model = row.text(3),
                   .currency = row.text(4),
                   .requests = row.number(5),
                   .tokens = {.hit = row.number(6), .miss = row.number(7), .output = row.number(8)},
                   .cost = row.number(9)});
  return out;
}

std::vector<AuditRow> SqlAccounts::audit(const UsageFilter& filter) {
  const std::scoped_lock lock(mutex_);
  SqlRows row = db().query(
      "SELECT started AS time, key, answer, model, currency, price_hit, price_miss, price_output, hit, miss, "
      "output, cost, status, id FROM ledger WHERE started >= ?1 AND started < ?2 AND (?3 = '' OR key = ?3) "
      "UNION ALL SELECT time, key, '', '', '', 0, 0, 0, 0, 0, 0, 0, what, id FROM changes "
      "WHERE time >= ?1 AND time < ?2 AND (?3 = '' OR key = ?3) ORDER BY time, id",
      first_ms(filter), end_ms(filter), filter.key);
  std::vector<AuditRow> out;
  while (row.next())
    out.push_back({.moment = moment_of(row.number(0)),
                   .key = row.text(1),
                   .answer = row.text(2),
                   .model = row.text(3),
                   .currency = row.text(4),
                   .price = {.hit = row.number(5), .miss = row.number(6), .output = row.number(7)},
                   .tokens = {.hit = row.number(8), .miss = row.number(9), .output = row.number(10)},
                   .cost = row.number(11),
                   .status = row.text(12)});
  return out;
}

}  // namespace dsa::accounts
