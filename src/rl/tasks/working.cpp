#include "rl/tasks/working.h"

#include <fmt/format.h>

namespace dsa::rl {

std::string worked_sum(std::int64_t a, std::int64_t b) {
  std::string text;
  for (std::int64_t carry = 0; a > 0 || b > 0 || carry > 0; a /= 10, b /= 10) {
    const std::int64_t sum = a % 10 + b % 10 + carry;
    text += fmt::format("{} + {}{} = {} write {}", a % 10, b % 10, carry > 0 ? " + 1" : "", sum, sum % 10);
    carry = sum / 10;
    text += carry > 0 ? " carry 1\n" : "\n";
  }
  return text;
}

std::string worked_difference(std::int64_t a, std::int64_t b) {
  std::string text;
  for (std::int64_t borrowed = 0; a > 0 || b > 0; a /= 10, b /= 10) {
    const bool borrows = a % 10 < b % 10 + borrowed;
    const std::int64_t from = a % 10 + (borrows ? 10 : 0);
    text += fmt::format("{} - {}{} = {}{}\n", from, b % 10, borrowed > 0 ? " - 1" : "",
                        from - b % 10 - borrowed, borrows ? " borrow 1" : "");
    borrowed = borrows ? 1 : 0;
  }
  return text;
}

std::string worked_product(std::int64_t a, std::int64_t b) {
  std::string text, sum;
  std::int64_t parts = 0;
  for (std::int64_t rest = b, place = 1; rest > 0; rest /= 10, place *= 10) {
    const std::int64_t digit = rest % 10 * place;
    if (digit == 0) continue;
    text += fmt::format("{} * {} = {}\n", a, digit, a * digit);
    sum += fmt::format("{}{}", parts++ > 0 ? " + " : "", a * digit);
  }
  return parts > 1 ? text + fmt::format("{} = {}\n", sum, a * b) : text;
}

std::string worked_remainder(std::int64_t a, std::int64_t m) {
  if (a < m) return fmt::format("{} < {}\n", a, m);
  return fmt::format("{} * {} = {}\n{} - {} = {}\n", m, a / m, a - a % m, a, a - a % m, a % m);
}

}  // namespace dsa::rl
