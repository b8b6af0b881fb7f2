// Arithmetic as it is worked out on paper, a line a step.
#pragma once

#include <cstdint>
#include <string>

namespace dsa::rl {

/// Digit by digit from the right: "7 + 8 = 15 write 5 carry 1".  a, b >= 0.
std::string worked_sum(std::int64_t a, std::int64_t b);
/// "13 - 8 = 5 borrow 1".  a >= b >= 0.
std::string worked_difference(std::int64_t a, std::int64_t b);
/// By the digits of b: "47 * 30 = 1410", and their sum.  a, b >= 0.
std::string worked_product(std::int64_t a, std::int64_t b);
/// "5 * 3 = 15", "17 - 15 = 2".  a >= 0, m > 0.
std::string worked_remainder(std::int64_t a, std::int64_t m);

}  // namespace dsa::rl
