#include "cost/comparison.h"

namespace dsa::cost {
namespace {

template <class F>
auto at_each_corner(const Settings& settings, const Speed& speed, const F& what) {
  const auto one = [&](Corner corner) { return what(at(settings, corner), at(speed, corner)); };
  return Corners<decltype(one(Corner::middle))>{one(Corner::cheap), one(Corner::middle), one(Corner::dear)};
}

}  // namespace

Comparison compare(const Settings& settings, const Speeds& speeds) {
  Comparison out{.settings = settings, .source = speeds.source, .own = {}, .apis = {}};
  for (const Speed& speed : speeds.kinds)
    out.own.push_back({speed.attention, at_each_corner(settings, speed, own)});
  const Settings middle = at(settings, Corner::middle);
  for (const Price& price : settings.prices) {
    ApiCost api{.price = price,
                .yearly = api_yearly(middle, price, middle.workload.requests_a_day.value()),
                .break_even = {}};
    for (const Speed& speed : speeds.kinds)
      api.break_even.push_back(at_each_corner(settings, speed, [&](const Settings& s, const SpeedAt& v) {
        return break_even(s, serve(s, v), price);
      }));
    out.apis.push_back(std::move(api));
  }
  return out;
}

}  // namespace dsa::cost
