// Keys and bills of `dsa serve`: its options, and what they make.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "accounts/open_ledger.h"
#include "cli/command.h"
#include "server/gate.h"

namespace dsa::cli {

struct AccountOptions {
  std::string ledger;  // "": the default one if it holds a key; "none": no keys
  bool insecure = false;
  bool cache_share = false;
  bool check = false;
};
void add_account_options(Command command, AccountOptions& options);

/// What a server stands on that asks for keys.  Ends behind everything that is billed.
struct OpenAccounts {
  std::unique_ptr<accounts::SqlAccounts> store;
  std::unique_ptr<accounts::Caretaker> caretaker;
  std::unique_ptr<server::Gate> gate;
};
/// None of it if nobody is asked for a key.  `prices`: the table of the configuration, or null.  `host`:
/// where it listens, "" for nowhere.  Throws Error, also where other machines could come in without a key.
OpenAccounts open_accounts(const AccountOptions& options, const nlohmann::json& prices,
                           const std::string& host);

/// What `--check` prints: who gets where.
std::string reach(const OpenAccounts& accounts, const std::string& host, const std::string& unix_socket);

}  // namespace dsa::cli
