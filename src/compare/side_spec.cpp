#include "compare/side_spec.h"

#include <charconv>
#include <filesystem>
#include <limits>

#include "base/error.h"

namespace dsa::compare {
namespace {

constexpr std::string_view kTopk = "top-k=";

// False if it is no mode.
bool take_mode(std::string_view mode, RunOptions& run) {
  if (mode == "dense")
    run.attention = AttentionMode::dense;
  else if (mode == "sparse")
    run.attention = AttentionMode::sparse;
  else if (mode == "auto")
    run.attention = AttentionMode::automatic;
  else if (!mode.starts_with(kTopk))
    return false;
  if (!mode.starts_with(kTopk)) return true;
  const std::string_view digits = mode.substr(kTopk.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), run.topk);
  if (error != std::errc{} || end != digits.data() + digits.size() || run.topk < 1 ||
      run.topk > std::numeric_limits<std::int32_t>::max())
    fail("{}: expected a whole number from 1, as in top-k=1024", printable(mode));
  return true;
}

}  // namespace

SideSpec parse_side(std::string_view text) {
  SideSpec out{.text = std::string(text), .url = "", .model = "", .run = {}};
  if (text.find("://") != std::string_view::npos) {
    out.url = out.text;
    return out;
  }
  std::string_view rest = text;
  for (std::size_t colon; (colon = rest.rfind(':')) != std::string_view::npos; rest = rest.substr(0, colon))
    if (!take_mode(rest.substr(colon + 1), out.run)) break;
  out.model = std::string(rest);
  std::error_code ignored;
  if (const auto colon = rest.rfind(':');
      colon != std::string_view::npos && !std::filesystem::exists(out.model, ignored))
    fail("{}: \"{}\" is no mode, expected dense, sparse, auto or top-k=N", printable(text, 200),
         printable(rest.substr(colon + 1)));
  if (out.model.empty()) fail("\"{}\": it names no model", printable(text, 200));
  if (out.run.topk > 0 && out.run.attention == AttentionMode::dense)
    fail("{}: dense attention selects nothing: leave top-k away", printable(text, 200));
  return out;
}

}  // namespace dsa::compare
