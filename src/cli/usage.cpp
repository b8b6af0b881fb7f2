// dsa usage: who used what, and what it cost.
#include "accounts/usage_report.h"

#include <algorithm>
#include <memory>

#include "accounts/open_ledger.h"
#include "base/error.h"
#include "base/json.h"
#include "base/who.h"
#include "cli/terminal.h"
#include "cli/verb.h"

namespace dsa::cli {
namespace {

struct UsageOptions {
  std::string ledger;
  std::vector<std::string> by{"key", "day", "model"};
  std::string key;
  std::string since;
  std::string until;
  bool csv = false;
  bool json = false;
  bool requests = false;
};

std::optional<accounts::Day> day_of(const std::string& text, const char* option) {
  if (text.empty()) return std::nullopt;
  const auto day = accounts::parse_day(text);
  if (!day) throw UsageError(fmt::format("{}: {}: expected a day, 2026-01-31", option, text));
  return day;
}

// Columns as wide as they need to be, numbers to the right.
std::string table(std::span<const accounts::UsageRow> rows, const accounts::UsageGroups& groups) {
  std::string text;
  const auto line = [&](const std::string& key, const std::string& owner, const std::string& day,
                        const std::string& model, const std::string& numbers) {
    if (groups.key) text += fmt::format("{:<10}{:<16}", key, owner);
    if (groups.day) text += fmt::format("{:<12}", day);
    if (groups.model) text += fmt::format("{:<20}", model);
    text += numbers;
  };
  const auto numbers = [](const auto& requests, const auto& hit, const auto& miss, const auto& output,
                          const std::string& cost, const std::string& currency) {
    return fmt::format("{:>10}{:>14}{:>14}{:>14}{:>16} {}\n", requests, hit, miss, output, cost, currency);
  };
  line("key", "owner", "day", "model", numbers("requests", "hit", "miss", "output", "cost", ""));
  for (const accounts::UsageRow& row : accounts::grouped(rows, groups))
    line(row.key, printable(row.owner), accounts::day_text(row.day), printable(row.model),
         numbers(row.requests, row.tokens.hit, row.tokens.miss, row.tokens.output,
                 accounts::money_text(row.cost), row.currency));
  return text;
}

int show(const UsageOptions& o) {
  if (!accounts::ledger_present(o.ledger))
    fail("{}: there is no ledger: `dsa keys create` makes one",
         who(o.ledger.empty() ? accounts::default_ledger() : std::filesystem::path(o.ledger)));
  accounts::UsageFilter filter{.key = o.key, .since = day_of(o.since, "--since")};
  if (const auto until = day_of(o.until, "--until")) filter.before = *until + std::chrono::days(1);
  const auto ledger = accounts::open_ledger(o.ledger);
  accounts::AccountStore& store = *ledger;
  if (o.requests) {
    print(accounts::audit_csv(store.audit(filter)));
    return kDone;
  }
  const auto by = [&](const char* word) { return std::ranges::find(o.by, word) != o.by.end(); };
  const accounts::UsageGroups groups{.key = by("key"), .day = by("day"), .model = by("model")};
  const auto rows = store.usage(filter);
  if (o.json)
    print(json_text(accounts::usage_json(rows, groups), 2) + "\n");
  else
    print(o.csv ? accounts::usage_csv(rows, groups) : table(rows, groups));
  return kDone;
}

}  // namespace

Action declare_usage(Command command) {
  auto options = std::make_shared<UsageOptions>();
  command
      .add_option("--ledger", options->ledger,
                  "a file, or postgresql://HOST/DATABASE (default: $DSA_HOME/accounts.db)")
      .type_name("FILE|URL");
  command.add_option("--by", options->by, "add up by these")
      .check(one_of({"key", "day", "model"}))
      .comma_separated()
      .show_default();
  command.add_option("--key", options->key, "of this key alone (dsa keys list)").type_name("ID");
  command.add_option("--since", options->since, "from this day of UTC on").type_name("DAY");
  command.add_option("--until", options->until, "to this day, itself included").type_name("DAY");
  const Option csv = command.add_flag("--csv", options->csv, "comma-separated values");
  Option json = command.add_flag("--json", options->json, "one JSON object on stdout");
  Option requests = command.add_flag("--requests", options->requests,
                                     "each request and each change of a key, as comma-separated values");
  json.excludes(csv);
  requests.excludes(json);
  command.footer(
      "Tokens found in the cache, computed, and written; a request that failed costs nothing.\n\n"
      "Example:\n  dsa usage --by key,model --since 2026-01-01 --csv\n");
  return [options] { return show(*options); };
}

}  // namespace dsa::cli
