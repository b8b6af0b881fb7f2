// Who used what, for programs and for spreadsheets.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>

#include "accounts/account_store.h"

namespace dsa::accounts {

/// What rows are added up over.
struct UsageGroups {
  bool key = true;
  bool day = true;
  bool model = true;
};
/// In the order of the first row of each group; what is not grouped by is empty, the day that of the first.
std::vector<UsageRow> grouped(std::span<const UsageRow> rows, const UsageGroups& groups);

/// {"object": "list", "data": [...]}: docs/interfaces.md, "JSON of the verbs".
nlohmann::ordered_json usage_json(std::span<const UsageRow> rows, const UsageGroups& groups = {});
/// A header, then a line a row.
std::string usage_csv(std::span<const UsageRow> rows, const UsageGroups& groups = {});
/// One request or one change of a key a line; no text of prompts or answers.
std::string audit_csv(std::span<const AuditRow> rows);

}  // namespace dsa::accounts
