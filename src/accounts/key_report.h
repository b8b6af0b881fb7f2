// Which keys there are, what bounds them and what they have spent.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "accounts/account_store.h"

namespace dsa::accounts {

/// {"keys": [...]}: docs/interfaces.md, "JSON of the verbs".  No key's text: nobody has it.
nlohmann::ordered_json keys_json(AccountStore& store, Moment now);

}  // namespace dsa::accounts
