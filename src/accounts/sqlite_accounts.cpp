#include "accounts/sqlite_accounts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "accounts/sqlite_schema.h"
#include "base/env.h"
#include "base/error.h"
#include "base/who.h"

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
    "concurrency, budget_day, budget_month, prepaid, hash FROM keys WHERE id = ?";

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

/// A byte of a file beside the ledger for each server that ever was, locked while that server lives.
class SqliteAccounts::ServerLock {
 public:
  explicit ServerLock(std::filesystem::path path) : path_(std::move(path)) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) fail("{}: cannot be opened: {}", who(path_), std::strerror(errno));
  }
  ServerLock(const ServerLock&) = delete;
  ServerLock& operator=(const ServerLock&) = delete;
  ~ServerLock() { ::close(fd_); }

  /// False: somebody else has it.
  bool take(std::int64_t server) {
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = server;
    range.l_len = 1;
    if (::fcntl(fd_, F_OFD_SETLK, &range) == 0) return true;
    if (errno == EAGAIN || errno == EACCES) return false;
    fail("{}: cannot be locked: {}", who(path_), std::strerror(errno));
  }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

std::filesystem::path default_ledger() { return dsa_home() / "accounts.db"; }

SqliteAccounts::SqliteAccounts(const std::filesystem::path& path) : database_(path) {
  database_.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
  make_tables();
}

SqliteAccounts::~SqliteAccounts() = default;

void SqliteAccounts::make_tables() {
  const auto pragma = [&](const char* text) {
    SqlRows rows = database_.query(text);
    rows.next();
    return rows.number(0);
  };
  SqlTransaction all(database_);
  const std::int64_t version = pragma("PRAGMA user_version");
  const std::int64_t application = pragma("PRAGMA application_id");
  if (version == 0 && application == 0 && pragma("SELECT COUNT(*) FROM sqlite_schema") == 0) {
    database_.run(kLedgerSchema);
    database_.run(fmt::format("PRAGMA user_version = {}", kLedgerVersion).c_str());
    database_.run(fmt::format("PRAGMA application_id = {}", kLedgerApplication).c_str());
  } else if (application != kLedgerApplication) {
    fail("{}: is a database, but no ledger of dsa's", who(database_.path()));
  } else if (version != kLedgerVersion) {
    fail("{}: is a ledger of version {}, expected {}: a newer dsa has made it", who(database_.path()),
         version, kLedgerVersion);
  }
  all.commit();
}

std::int64_t SqliteAccounts::serve(Moment moment) {
  const std::scoped_lock lock(mutex_);
  database_.run("PRAGMA synchronous = NORMAL");
  auto path = database_.path();
  path += "-servers";
  auto own = std::make_unique<ServerLock>(path);
  SqlTransaction all(database_);
  std::vector<std::int64_t> servers;
  for (SqlRows row = database_.query("SELECT DISTINCT server FROM ledger WHERE status = 'open'"); row.next();)
    servers.push_back(row.number(0));
  std::int64_t ended = 0;
  for (const std::int64_t server : servers)
    if (own->take(server))
      ended += database_.execute(
          "UPDATE ledger SET held = 0, status = 'killed', ended = ? WHERE status = 'open' AND server = ?",
          ms(moment), server);
  database_.execute("INSERT INTO servers(started) VALUES(?)", ms(moment));
  server_ = database_.last_row();
  if (!own->take(server_)) fail("{}: another server has the number {}", who(path), server_);
  all.commit();
  lock_ = std::move(own);
  return ended;
}

void SqliteAccounts::note(const std::string& id, std::string_view what, Moment moment) {
  database_.execute("INSERT INTO changes(key, time, what) VALUES(?, ?, ?)", id, ms(moment), what);
}

void SqliteAccounts::add_key(const Key& key, const KeyHash& hash) {
  const std::scoped_lock lock(mutex_);
  const KeyLimits& l = key.limits;
  SqlTransaction all(database_);
  database_.execute("INSERT INTO keys VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", key.id,
                    std::span<const std::byte>(hash), key.owner, name(key.role), joined(l.models),
                    ms(key.created), ms(l.expires), ms(key.revoked), l.requests_per_minute,
                    l.tokens_per_minute, l.concurrency, l.budget_day, l.budget_month,
                    std::int64_t{l.prepaid});
  note(key.id, "created", key.created);
  all.commit();
}

std::optional<StoredKey> SqliteAccounts::find_key(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  SqlRows row = database_.query(kOneKey, id);
  if (!row.next()) return std::nullopt;
  StoredKey out{.key = read_key(row), .hash = {}};
  const auto hash = row.bytes(13);
  if (hash.size() != out.hash.size()) fail("{}: key {} has no hash", who(database_.path()), id);
  std::ranges::copy(hash, out.hash.begin());
  return out;
}

std::vector<Key> SqliteAccounts::keys() {
  const std::scoped_lock lock(mutex_);
  std::vector<Key> out;
  for (SqlRows row = database_.query(kKeyColumns); row.next();) out.push_back(read_key(row));
  return out;
}

bool SqliteAccounts::revoke_key(const std::string& id, Moment moment) {
  const std::scoped_lock lock(mutex_);
  SqlTransaction all(database_);
  if (database_.execute("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", ms(moment), id) == 0)
    return false;
  note(id, "revoked", moment);
  all.commit();
  return true;
}

bool SqliteAccounts::limit_key(const std::string& id, const KeyLimits& l, Moment moment) {
  const std::scoped_lock lock(mutex_);
  SqlTransaction all(database_);
  if (database_.execute(
          "UPDATE keys SET models = ?, expires = ?, requests_per_minute = ?, tokens_per_minute = ?, "
          "concurrency = ?, budget_day = ?, budget_month = ?, prepaid = ? WHERE id = ? AND revoked IS NULL",
          joined(l.models), ms(l.expires), l.requests_per_minute, l.tokens_per_minute, l.concurrency,
          l.budget_day, l.budget_month, std::int64_t{l.prepaid}, id) == 0)
    return false;
  note(id, "limited", moment);
  all.commit();
  return true;
}

void SqliteAccounts::deposit(const std::string& id, Money amount, Moment moment) {
  const std::scoped_lock lock(mutex_);
  SqlTransaction all(database_);
  database_.execute("INSERT INTO deposits(key, time, amount) VALUES(?, ?, ?)", id, ms(moment), amount);
  note(id, "deposit " + money_text(amount), moment);
  all.commit();
}

Funds SqliteAccounts::read_funds(const std::string& id, Moment moment) {
  const Day today = day_of(moment), month = month_of(today);
  Funds out;
  {
    SqlRows row = database_.query("SELECT COALESCE(SUM(amount), 0) FROM deposits WHERE key = ?", id);
    if (row.next()) out.deposited = row.number(0);
  }
  SqlRows row = database_.query(
      "SELECT COALESCE(SUM(cost), 0), COALESCE(SUM(held), 0), "
      "COALESCE(SUM(CASE WHEN day = ?2 THEN cost + held END), 0), "
      "COALESCE(SUM(CASE WHEN day >= ?3 AND day < ?4 THEN cost + held END), 0) FROM totals WHERE key = ?1",
      id, number(today), number(month), number(next_month(today)));
  if (!row.next()) return out;
  out.spent = row.number(0);
  out.held = row.number(1);
  out.today = row.number(2);
  out.month = row.number(3);
  return out;
}

Funds SqliteAccounts::funds(const std::string& id, Moment moment) {
  const std::scoped_lock lock(mutex_);
  return read_funds(id, moment);
}

Reserved SqliteAccounts::reserve(const Reservation& r) {
  const std::scoped_lock lock(mutex_);
  DSA_CHECK(lock_ != nullptr);
  database_.check_there();
  SqlTransaction all(database_);
  KeyLimits limits;
  {
    SqlRows row = database_.query(kOneKey, r.key);
    if (!row.next()) fail("{}: there is no key {}", who(database_.path()), r.key);
    limits = read_key(row).limits;
  }
  Reserved out{.available = available(limits, read_funds(r.key, r.moment))};
  if (out.available.amount < r.least || out.available.amount == 0) return out;
  out.held = std::min(r.most, out.available.amount);
  database_.execute(
      "INSERT INTO ledger(server, key, answer, model, started, currency, price_hit, price_miss, "
      "price_output, held) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      server_, r.key, r.answer, r.model, ms(r.moment), r.currency, r.price.hit, r.price.miss, r.price.output,
      out.held);
  out.row = database_.last_row();
  all.commit();
  return out;
}

// What a row costs and what it holds together stay what was reserved, until it ends.
void SqliteAccounts::change(std::span<const RowChange> changes) {
  const std::scoped_lock lock(mutex_);
  SqlTransaction all(database_);
  for (const RowChange& c : changes) {
    if (c.status.empty())
      database_.execute(
          "UPDATE ledger SET hit = ?, miss = ?, output = ?, held = MAX(0, held + cost - ?4), cost = ?4 "
          "WHERE id = ?5 AND status = 'open'",
          c.tokens.hit, c.tokens.miss, c.tokens.output, c.cost, c.row);
    else
      database_.execute(
          "UPDATE ledger SET hit = ?, miss = ?, output = ?, held = 0, cost = ?, status = ?, ended = ? "
          "WHERE id = ? AND status = 'open'",
          c.tokens.hit, c.tokens.miss, c.tokens.output, c.cost, c.status, ms(c.moment), c.row);
  }
  all.commit();
}

std::string SqliteAccounts::currency() {
  const std::scoped_lock lock(mutex_);
  SqlRows row = database_.query("SELECT currency FROM ledger ORDER BY id DESC LIMIT 1");
  return row.next() ? row.text(0) : "";
}

std::vector<UsageRow> SqliteAccounts::usage(const UsageFilter& filter) {
  const std::scoped_lock lock(mutex_);
  SqlRows row = database_.query(
      "SELECT ledger.key, owner, started / 86400000 AS day, model, currency, COUNT(*), SUM(hit), SUM(miss), "
      "SUM(output), SUM(cost) FROM ledger JOIN keys ON keys.id = ledger.key "
      "WHERE started >= ?1 AND started < ?2 AND (?3 = '' OR ledger.key = ?3) "
      "GROUP BY ledger.key, day, model, currency ORDER BY day, ledger.key, model",
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

std::vector<AuditRow> SqliteAccounts::audit(const UsageFilter& filter) {
  const std::scoped_lock lock(mutex_);
  SqlRows row = database_.query(
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
