#include "server/trace_json.h"

#include <algorithm>
#include <iterator>

#include "base/json.h"

namespace dsa::server {
namespace {

// The first one, then the distance of each to the one before it.  What is in `a` and not in `b`, both
// ascending.
nlohmann::ordered_json gaps_of_difference(const std::vector<std::int32_t>& a,
                                          const std::vector<std::int32_t>& b) {
  std::vector<std::int32_t> out;
  std::ranges::set_difference(a, b, std::back_inserter(out));
  for (std::size_t i = out.size(); i-- > 1;) out[i] -= out[i - 1];
  return out;
}

}  // namespace

nlohmann::ordered_json TraceJson::push(std::int32_t choice, const Selected& selected) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const LayerSelection& one : selected.layers) {
    std::vector<std::int32_t>& before = before_[one.layer];
    layers.push_back({{"layer", one.layer},
                      {"add", gaps_of_difference(one.positions, before)},
                      {"drop", gaps_of_difference(before, one.positions)}});
    before = one.positions;
  }
  return {
      {"index", choice}, {"token", tokens_++}, {"visible", selected.visible}, {"layers", std::move(layers)}};
}

}  // namespace dsa::server
