#include "cli/serve_accounts.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "server/routes.h"

namespace dsa::cli {
namespace {

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

struct KeyCount {
  std::int64_t valid = 0, admins = 0, all = 0;
};
KeyCount count_keys(accounts::AccountStore& store) {
  KeyCount out;
  for (const accounts::Key& key : store.keys()) {
    const bool valid = accounts::is_valid(key, accounts::now());
    ++out.all;
    out.valid += valid ? 1 : 0;
    out.admins += valid && key.role == accounts::Role::admin ? 1 : 0;
  }
  return out;
}

}  // namespace

void add_account_options(Command command, AccountOptions& o) {
  command
      .add_option(
          "--ledger", o.ledger,
          "keys and bills: a file, or postgresql://HOST/DATABASE for several servers; requests need a "
          "key of it; none: nobody is asked for one (default: $DSA_HOME/accounts.db, once `dsa keys "
          "create` has made a key)")
      .type_name("FILE|URL");
  command.add_flag("--insecure", o.insecure, "listen without keys where other machines can come in");
  command.add_flag("--cache-share", o.cache_share, "keys of all owners share what the cache holds");
  command.add_flag("--check", o.check, "print what is reachable by whom, and end");
}

OpenAccounts open_accounts(const AccountOptions& o, const nlohmann::json& prices, const std::string& host) {
  OpenAccounts out;
  const bool asked = !o.ledger.empty() && o.ledger != "none";
  if (asked || (o.ledger.empty() && accounts::ledger_present("")))
    out.store = accounts::open_ledger(asked ? o.ledger : "");
  if (out.store && !asked && count_keys(*out.store).all == 0) out.store = nullptr;
  if (!out.store) {
    if (!host.empty() && !is_loopback(host) && !o.insecure)
      fail(
          "host {}: other machines could use the model without a key: make one with `dsa keys create`, or "
          "type --insecure",
          printable(host));
    return out;
  }
  const accounts::PriceBook book =
      prices.is_null() ? accounts::PriceBook() : accounts::PriceBook(prices, "prices");
  if (!o.check) {
    if (const auto killed = out.store->serve(accounts::now()); killed > 0)
      warn("{}: {} requests of a server that was killed are billed as far as they had come", out.store->who(),
           killed);
    if (count_keys(*out.store).valid == 0)
      warn("{}: no key of it is valid, so every request is refused: `dsa keys create` makes one",
           out.store->who());
    out.caretaker = std::make_unique<accounts::Caretaker>(*out.store);
  }
  out.gate = std::make_unique<server::Gate>(*out.store, book, o.cache_share);
  return out;
}

std::string reach(const OpenAccounts& accounts, const std::string& host, const std::string& unix_socket) {
  std::string text;
  if (!host.empty())
    text += fmt::format("listens at {}: {}\n", printable(host),
                        is_loopback(host) ? "for this machine alone" : "for other machines too");
  if (!unix_socket.empty())
    text += fmt::format("listens at {}: for the user who started it\n", printable(unix_socket));
  if (accounts.gate) {
    const KeyCount keys = count_keys(*accounts.store);
    text += fmt::format("keys of {}: {} valid, {} of them admin\n", accounts.store->who(), keys.valid,
                        keys.admins);
  } else {
    text += "keys: none are asked for\n";
  }
  for (const server::RouteInfo& route : server::Api::table()) {
    const server::Access access = accounts.gate ? route.access : server::Access::open;
    const std::string path = std::string(route.path) + (route.path.ends_with('/') ? "..." : "");
    text += fmt::format("{:<5}{:<28}{}\n", route.method, path, name(access));
  }
  return text;
}

}  // namespace dsa::cli
