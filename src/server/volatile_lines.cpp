#include "server/volatile_lines.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace dsa::server {
namespace {

constexpr std::size_t kLongestBeginning = 100;

// They are named in a header.
bool can_be_named(std::string_view text) {
  return !text.empty() && text.size() <= kLongestBeginning &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~' && c != ','; });
}

void note(const VolatileLine& line, std::string& names) {
  std::string_view name = line.begins;
  if (name.ends_with(':')) name.remove_suffix(1);
  if (names == name || names.ends_with(fmt::format(", {}", name))) return;
  names.append(names.empty() ? "" : ", ").append(name);
}

}  // namespace

std::span<const VolatileLine> known_volatile_lines() {
  static const std::array<VolatileLine, 1> kKnown{{{.begins = "x-anthropic-billing-header:"}}};
  return kKnown;
}

std::vector<VolatileLine> read_volatile_lines(const nlohmann::json& list, std::string_view who) {
  std::vector<VolatileLine> out;
  if (!list.is_array()) fail("{}: volatile_lines: expected [[volatile_lines]]", who);
  for (const auto& one : list) {
    const auto text = [&](const char* name) {
      return one.is_object() && one.contains(name) && one[name].is_string() ? one[name].get<std::string>()
                                                                            : "";
    };
    const std::string begins = text("begins"), action = text("do");
    if (!can_be_named(begins))
      fail("{}: volatile_lines: begins: expected 1 to {} characters of ASCII, none a comma", who,
           kLongestBeginning);
    if (action != "drop" && action != "move") fail("{}: volatile_lines: do: expected drop or move", who);
    if (one.size() != 2) fail("{}: volatile_lines: expected begins and do, nothing else", who);
    out.push_back({.begins = begins, .moved = action == "move"});
  }
  return out;
}

std::string set_aside(std::string_view prompt, std::span<const VolatileLine> lines, SetAside& done) {
  std::string out, behind;
  while (!prompt.empty()) {
    const std::size_t end = std::min(prompt.find('\n'), prompt.size() - 1) + 1;
    const std::string_view line = prompt.substr(0, end);
    prompt.remove_prefix(end);
    const auto found =
        std::ranges::find_if(lines, [&](const VolatileLine& one) { return line.starts_with(one.begins); });
    if (found == lines.end()) {
      out += line;
      continue;
    }
    note(*found, found->moved ? done.moved : done.dropped);
    if (!found->moved) continue;
    behind += '\n';
    behind += line.substr(0, line.find('\n'));
  }
  if (out.empty() && !behind.empty()) return behind.substr(1);
  if (out.ends_with('\n') && !behind.empty()) out.pop_back();
  return out + behind;
}

}  // namespace dsa::server
