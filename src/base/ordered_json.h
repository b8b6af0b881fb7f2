// JSON whose objects keep the order that their keys were written in.
#pragma once

#include "base/json.h"

namespace dsa {

/// As parse_json().
nlohmann::ordered_json parse_ordered_json(std::string_view text, std::string_view who,
                                          const JsonLimits& limits = {});

}  // namespace dsa
