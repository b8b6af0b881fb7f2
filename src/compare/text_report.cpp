#include <fmt/format.h>

#include <algorithm>

#include "compare/report.h"

namespace dsa::compare {
namespace {

std::string share(std::int64_t part, std::int64_t all) { return fmt::format("{} of {}", part, all); }

// By characters, as far as UTF-8 tells.
std::string padded(const std::string& text, std::size_t width) {
  const auto shown =
      static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
  return text + std::string(width - std::min(width, shown), ' ');
}

std::string value(const SideResult& side, std::string_view name, int digits) {
  const auto found = side.figures.find(name);
  return found == side.figures.end() ? "-" : fmt::format("{:.{}f}", found->second, digits);
}

std::string prompt_line(const Result& r, std::size_t width) {
  const std::string differs = r.first_difference ? fmt::format("word {}", *r.first_difference + 1) : "same";
  return fmt::format(
      "{}  {:>6} {:>6}  {:<10}  {:>5} {:>5}  {:>5} {:>5}{}\n", padded(r.id, width), value(r.a, "tokens", 0),
      value(r.b, "tokens", 0), differs, value(r.a, "repeated", 2), value(r.b, "repeated", 2),
      value(r.a, "score", 2), value(r.b, "score", 2),
      r.judgement ? fmt::format("  {}", r.judgement->settled() ? name(*r.judgement->settled()) : "-") : "");
}

std::string group_table(const Group& group) {
  std::string out =
      fmt::format("\n{}: {}, the same word for word: {}\n", group.set,
                  group.prompts == 1 ? "1 prompt" : fmt::format("{} prompts", group.prompts), group.equal);
  out += fmt::format("  {:<28} {:>10} {:>10}  {:<28} {:>5}\n", "mean", "A", "B", "B - A [95 %]", "pairs");
  for (const Row& row : group.rows) {
    if (row.a == 0 && row.b == 0 && group.set != "all") continue;
    out += fmt::format("  {:<28} {:>10.{}f} {:>10.{}f}  {:<28} {:>5}\n", row.metric.title, row.a,
                       row.metric.digits, row.b, row.metric.digits, difference_text(row), row.difference.n);
  }
  return out;
}

}  // namespace

std::string difference_text(const Row& row) {
  const int digits = row.metric.digits;
  const PairedDifference& d = row.difference;
  if (!d.interval) return fmt::format("{:+.{}f}", d.mean, digits);
  return fmt::format("{:+.{}f} [{:+.{}f}, {:+.{}f}]", d.mean, digits, d.interval->low, digits,
                     d.interval->high, digits);
}

std::string judge_text(const Titles& titles, const JudgeSummary& j) {
  const std::int64_t all = j.a + j.b + j.tie + j.by_place + j.unclear;
  std::string out = fmt::format(
      "The judge, asked twice with the places swapped: A ({}) is better in {}, B ({}) in {}, "
      "equally good {}, went by the place {}, unclear {}.",
      titles.a, share(j.a, all), titles.b, j.b, j.tie, j.by_place, j.unclear);
  if (!j.agreement) return out + " There is no prompt that both it and the rules decide.";
  return out + fmt::format(" Where the rules prefer a side too, it agrees in {} [{:.2f}, {:.2f}].",
                           share(j.agreed, j.decided), j.agreement->low, j.agreement->high);
}

std::string to_text(const Titles& titles, std::span<const Result> results, const Summary& summary) {
  std::size_t width = 6;
  for (const Result& result : results) width = std::max(width, result.id.size());
  std::string out = fmt::format("A: {}\nB: {}\n{}\n\n", titles.a, titles.b, titles.about);
  out += fmt::format("{}  {:>13}  {:<10}  {:>11}  {:>11}{}\n", padded("prompt", width), "tokens A B",
                     "differs at", "repeated", "score", summary.judge ? "  judge" : "");
  for (const Result& result : results) out += prompt_line(result, width);
  for (const Group& group : summary.groups) out += group_table(group);
  if (summary.judge) out += "\n" + judge_text(titles, *summary.judge) + "\n";
  return out;
}

}  // namespace dsa::compare
