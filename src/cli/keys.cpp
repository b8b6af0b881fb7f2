// dsa keys create|list|revoke|limit: who may ask a server, and for how much.
#include <fmt/ranges.h>

#include <array>
#include <memory>

#include "accounts/key_report.h"
#include "accounts/open_ledger.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/program.h"
#include "cli/terminal.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

using accounts::KeyLimits;
using accounts::Moment;
using accounts::Money;
using accounts::SqlAccounts;
using Json = nlohmann::ordered_json;

// As typed; what was not typed stays as it is.
struct KeyOptions {
  std::string ledger;
  std::string id;
  std::string owner;
  std::string role = "user";
  std::vector<std::string> models;
  std::optional<std::string> expires, requests, tokens, concurrency, budget_day, budget_month, deposit;
  bool json = false;
};
using SharedKeyOptions = std::shared_ptr<KeyOptions>;

template <class T, class Parse>
void set_limit(std::optional<T>& limit, const std::optional<std::string>& typed, const char* option,
               const char* expected, const Parse& parse) {
  if (!typed) return;
  limit = std::nullopt;
  if (*typed == "none") return;
  limit = parse(*typed);
  if (!limit) throw UsageError(fmt::format("{}: {}: expected {}, or none", option, *typed, expected));
}

std::optional<std::int64_t> parse_count(const std::string& text) {
  const auto count = parse_whole<std::int64_t>(text);
  return count && *count >= 1 ? count : std::nullopt;
}
// It is good until the day begins.
std::optional<Moment> parse_expiry(const std::string& text) {
  const auto day = accounts::parse_day(text);
  if (!day) return std::nullopt;
  return Moment(*day);
}

void set_limits(KeyLimits& limits, const KeyOptions& o) {
  constexpr const char* kCount = "a whole number of 1 or more";
  constexpr const char* kAmount = "an amount as 5 or 0.25";
  if (o.models.size() == 1 && o.models.front() == "all")
    limits.models.clear();
  else if (!o.models.empty())
    limits.models = o.models;
  set_limit(limits.expires, o.expires, "--expires", "a day, 2026-12-31", parse_expiry);
  set_limit(limits.requests_per_minute, o.requests, "--requests", kCount, parse_count);
  set_limit(limits.tokens_per_minute, o.tokens, "--tokens", kCount, parse_count);
  set_limit(limits.concurrency, o.concurrency, "--concurrency", kCount, parse_count);
  set_limit(limits.budget_day, o.budget_day, "--budget-day", kAmount, accounts::parse_money);
  set_limit(limits.budget_month, o.budget_month, "--budget-month", kAmount, accounts::parse_money);
}

// "-5" takes away.
Money deposit_of(const KeyOptions& o) {
  const std::string_view typed = *o.deposit;
  const bool away = typed.starts_with('-');
  const auto amount = accounts::parse_money(away ? typed.substr(1) : typed);
  if (!amount) throw UsageError(fmt::format("--deposit: {}: expected an amount as 5 or -0.25", typed));
  return away ? -*amount : *amount;
}

int create(const KeyOptions& o) {
  accounts::NewSecret secret = accounts::new_secret();
  accounts::Key key{.id = secret.id, .owner = o.owner, .created = accounts::now()};
  if (key.owner.empty()) key.owner = key.id;
  key.role = *accounts::parse_role(o.role);
  set_limits(key.limits, o);
  const Money deposit = o.deposit ? deposit_of(o) : 0;
  key.limits.prepaid = o.deposit.has_value();
  const auto ledger = accounts::open_ledger(o.ledger);
  SqlAccounts& store = *ledger;
  store.add_key(key, secret.hash);
  if (deposit != 0) store.deposit(key.id, deposit, key.created);
  if (o.json) {
    print(json_text(Json{{"id", key.id}, {"owner", key.owner}, {"key", secret.text}}, 2) + "\n");
  } else {
    print(secret.text + "\n");
    fmt::print(stderr, "dsa: this is shown once: only its hash is kept, in {}\n", store.who());
  }
  return kDone;
}

// "requests 60 a minute, balance 4.99 of 5.00".
std::string limits_text(const accounts::Key& key, const accounts::Funds& funds) {
  const KeyLimits& l = key.limits;
  std::vector<std::string> parts;
  if (key.revoked) parts.push_back("revoked " + accounts::day_text(accounts::day_of(*key.revoked)));
  if (l.expires) parts.push_back("expires " + accounts::day_text(accounts::day_of(*l.expires)));
  if (l.prepaid)
    parts.push_back(fmt::format("balance {} of {}", accounts::money_text(funds.deposited - funds.spent),
                                accounts::money_text(funds.deposited)));
  if (l.budget_day) parts.push_back(accounts::money_text(*l.budget_day) + " a day");
  if (l.budget_month) parts.push_back(accounts::money_text(*l.budget_month) + " a month");
  if (l.requests_per_minute) parts.push_back(fmt::format("{} requests a minute", *l.requests_per_minute));
  if (l.tokens_per_minute) parts.push_back(fmt::format("{} tokens a minute", *l.tokens_per_minute));
  if (l.concurrency) parts.push_back(fmt::format("{} at a time", *l.concurrency));
  if (!l.models.empty()) parts.push_back(printable(fmt::format("{}", fmt::join(l.models, " ")), 200));
  return fmt::format("{}", fmt::join(parts, ", "));
}

int list(const KeyOptions& o) {
  const auto ledger = accounts::open_ledger(o.ledger);
  SqlAccounts& store = *ledger;
  if (o.json) {
    print(json_text(accounts::keys_json(store, accounts::now()), 2) + "\n");
    return kDone;
  }
  std::string text =
      fmt::format("{:<10}{:<20}{:<7}{:<12}{:>14}  {}\n", "id", "owner", "role", "created", "spent", "limits");
  for (const accounts::Key& key : store.keys()) {
    const accounts::Funds funds = store.funds(key.id, accounts::now());
    text += fmt::format("{:<10}{:<20}{:<7}{:<12}{:>14}  {}\n", key.id, printable(key.owner), name(key.role),
                        accounts::day_text(accounts::day_of(key.created)), accounts::money_text(funds.spent),
                        limits_text(key, funds));
  }
  print(text);
  return kDone;
}

[[noreturn]] void fail_unknown(const SqlAccounts& store, const KeyOptions& o) {
  fail("{}: no valid key has the id {}: see `dsa keys list`", store.who(), printable(o.id));
}

int revoke(const KeyOptions& o) {
  const auto ledger = accounts::open_ledger(o.ledger);
  SqlAccounts& store = *ledger;
  if (!store.revoke_key(o.id, accounts::now())) fail_unknown(store, o);
  return kDone;
}

int limit(const KeyOptions& o) {
  const auto ledger = accounts::open_ledger(o.ledger);
  SqlAccounts& store = *ledger;
  const auto found = store.find_key(o.id);
  if (!found) fail_unknown(store, o);
  KeyLimits limits = found->key.limits;
  set_limits(limits, o);
  const bool closed = o.deposit == "none";  // its balance bounds it no more
  const Money deposit = o.deposit && !closed ? deposit_of(o) : 0;
  if (o.deposit) limits.prepaid = !closed;
  if (!store.limit_key(o.id, limits, accounts::now())) fail_unknown(store, o);
  if (deposit != 0) store.deposit(o.id, deposit, accounts::now());
  return kDone;
}

SharedKeyOptions add_key_options(Command command) {
  auto options = std::make_shared<KeyOptions>();
  command
      .add_option("--ledger", options->ledger,
                  "a file, or postgresql://HOST/DATABASE (default: $DSA_HOME/accounts.db)")
      .type_name("FILE|URL");
  return options;
}

void add_limits(Command command, KeyOptions& o) {
  command.add_option("--model", o.models, "it may use these alone; all: any").type_name("NAME");
  command.add_option("--expires", o.expires, "the day, of UTC, on which it opens nothing any more")
      .type_name("DAY");
  command.add_option("--requests", o.requests, "requests a minute").type_name("N");
  command.add_option("--tokens", o.tokens, "tokens a minute, of prompts and answers").type_name("N");
  command.add_option("--concurrency", o.concurrency, "requests at a time").type_name("N");
  command.add_option("--deposit", o.deposit, "pay in: it then spends no more than its balance")
      .type_name("AMOUNT");
  command.add_option("--budget-day", o.budget_day, "it spends no more a day of UTC").type_name("AMOUNT");
  command.add_option("--budget-month", o.budget_month, "nor a month").type_name("AMOUNT");
}

Action declare_create(Command command) {
  const SharedKeyOptions options = add_key_options(command);
  command
      .add_option("--owner", options->owner,
                  "whose it is: keys of one owner share what the cache holds (default: its own)")
      .type_name("NAME");
  command.add_option("--role", options->role, "admin: also /metrics and /admin")
      .check(one_of({"user", "admin"}))
      .show_default();
  add_limits(command, *options);
  command.add_flag("--json", options->json, "one JSON object on stdout");
  command.footer(
      "Prints the key, once.  From the first key on `dsa serve` asks for one.\n\n"
      "Example:\n  dsa keys create --owner anna --deposit 5\n");
  return [options] { return create(*options); };
}

Action declare_key_list(Command command) {
  const SharedKeyOptions options = add_key_options(command);
  command.add_flag("--json", options->json, "one JSON object on stdout");
  command.footer("Example:\n  dsa keys list\n");
  return [options] { return list(*options); };
}

Action declare_revoke(Command command) {
  const SharedKeyOptions options = add_key_options(command);
  command.add_option("id", options->id, "as `dsa keys list` shows it").required().type_name("ID");
  command.footer(
      "A request that runs comes to its end; the next one is refused.\n\n"
      "Example:\n  dsa keys revoke 1a2b3c4d\n");
  return [options] { return revoke(*options); };
}

Action declare_limit(Command command) {
  const SharedKeyOptions options = add_key_options(command);
  command.add_option("id", options->id, "as `dsa keys list` shows it").required().type_name("ID");
  add_limits(command, *options);
  command.footer(
      "What is not named stays as it is; none takes a limit away.  A server that runs obeys at once.\n\n"
      "Example:\n  dsa keys limit 1a2b3c4d --requests 60 --budget-day 1 --deposit 5\n");
  return [options] { return limit(*options); };
}

constexpr std::array<Verb, 4> kKeysVerbs{{
    {"create", "make a key, and print it once", declare_create},
    {"list", "which keys there are, what they may do and have spent", declare_key_list},
    {"revoke", "a key opens nothing any more", declare_revoke},
    {"limit", "change what a key may do, or pay in", declare_limit},
}};

}  // namespace

Action declare_keys(Command command) {
  command.footer(
      "Who may ask `dsa serve`, for which models, how fast and for how much money.\n\n"
      "Example:\n  dsa keys create --owner anna --deposit 5\n\nEach has --help.\n");
  return declare_parts(command, kKeysVerbs);
}

}  // namespace dsa::cli
