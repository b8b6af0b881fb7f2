// The decision sheet of `dsa cost --report`: one HTML file that needs nothing else.
#pragma once

#include <string>

#include "cost/comparison.h"
#include "cost/speed.h"

namespace dsa::cost {

/// Cost, latency, where the data lies, control, vendor change and effort; a year against the bills of APIs by
/// volume, and a million tokens by position, dense beside sparse, as plots; every assumption by its key.
/// `speeds`: those that were compared.
std::string report_html(const Comparison& comparison, const Speeds& speeds);

}  // namespace dsa::cost
