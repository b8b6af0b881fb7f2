// What APIs cost when DeepSeek-V3.2-Exp was announced.
#pragma once

#include <span>

#include "cost/settings.h"

namespace dsa::cost {

/// As their owners published them for that day (29 September 2025): DeepSeek's new price and the one before
/// it, and the four models that it was compared with.  Gemini's price of a hit on that day is not known.
std::span<const Price> announcement_prices();

/// Of `requests` requests of this workload, dollars.
double bill(const Price& price, const Workload& workload, double requests);

}  // namespace dsa::cost
