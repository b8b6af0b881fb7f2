// The figures of `dsa eval retrieval`, for a person and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "eval/retrieval_summary.h"

namespace dsa {

nlohmann::ordered_json to_json(const PairedDifference& difference);
/// "+0.123 (+0.100 .. +0.146)".
std::string to_text(const PairedDifference& difference);

nlohmann::ordered_json to_json(const RetrievalSummary& summary);
/// A table, the last line ended too.
std::string to_text(const RetrievalSummary& summary);

}  // namespace dsa
