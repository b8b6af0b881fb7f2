#include <gtest/gtest.h>

#include "rl/tasks/makers.h"
#include "rl/tasks/working.h"

namespace dsa::rl {
namespace {

TEST(Working, GoesDigitByDigit) {
  EXPECT_EQ(worked_sum(47, 38), "7 + 8 = 15 write 5 carry 1\n4 + 3 + 1 = 8 write 8\n");
  EXPECT_EQ(worked_sum(95, 5),
            "5 + 5 = 10 write 0 carry 1\n9 + 0 + 1 = 10 write 0 carry 1\n0 + 0 + 1 = 1 write 1\n");
  EXPECT_EQ(worked_difference(403, 38), "13 - 8 = 5 borrow 1\n10 - 3 - 1 = 6 borrow 1\n4 - 0 - 1 = 3\n");
  EXPECT_EQ(worked_product(47, 38), "47 * 8 = 376\n47 * 30 = 1410\n376 + 1410 = 1786\n");
  EXPECT_EQ(worked_product(47, 30), "47 * 30 = 1410\n");
  EXPECT_EQ(worked_remainder(17, 5), "5 * 3 = 15\n17 - 15 = 2\n");
  EXPECT_EQ(worked_remainder(3, 5), "3 < 5\n");
}

// What stands behind "x = " or "= " in each line of steps is what stands before it.
std::int64_t value(std::string_view text) {
  std::int64_t total = 0, product = 1, number = 0;
  int sign = 1;
  char operation = '*';
  const auto close = [&] {
    product = operation == '*' ? product * number : product / number;
    number = 0;
  };
  for (const char c : text) {
    if (c >= '0' && c <= '9') number = 10 * number + (c - '0');
    if (c == '*' || c == '/') close(), operation = c;
    if (c == '+' || c == '-')
      close(), total += sign * product, product = 1, operation = '*', sign = c == '+' ? 1 : -1;
  }
  close();
  return total + sign * product;
}

TEST(Mathematics, EveryStepIsTrue) {
  std::int64_t steps = 0;
  for (std::int64_t number = 0; number < 500; ++number) {
    const auto task = make_mathematics({.number = number, .difficulty = static_cast<int>(number % 10)});
    std::string text = task->solution(Style::steps).back();
    while (text.find('\n') != std::string::npos) {
      std::string line = text.substr(0, text.find('\n'));
      text.erase(0, line.size() + 1);
      if (line.find('x') != std::string::npos || line.find('<') != std::string::npos) continue;
      const auto equals = line.find('=');
      ASSERT_NE(equals, std::string::npos) << line;
      EXPECT_EQ(value(line.substr(0, equals)), std::stoll(line.substr(equals + 1))) << line;
      ++steps;
    }
  }
  EXPECT_GT(steps, 500);
}

TEST(Mathematics, OnlyTheNumberItselfIsRight) {
  for (std::int64_t number = 0; number < 100; ++number) {
    const auto task = make_mathematics({.number = number, .difficulty = static_cast<int>(number % 10)});
    const std::string right = task->solution(Style::brief).back(), digits = right.substr(8);
    const auto score = [&](const std::string& answer) {
      return play(*task, std::vector<std::string>{"answer: " + answer}).score.value;
    };
    EXPECT_EQ(score(digits), 1);
    for (const auto& wrong :
         {"0" + digits, "+" + digits, digits + ".0", digits + " " + digits, "-" + digits, "x = " + digits,
          digits + "0", "1" + digits, std::to_string(std::stoll(digits) + 1)})
      EXPECT_EQ(score(wrong), 0) << wrong;
    EXPECT_EQ(score(task->prompt()), 0);
  }
}

}  // namespace
}  // namespace dsa::rl
