#include "cost/speed.h"

namespace dsa::cost {
namespace {

Curve curve(const std::vector<Timing>& timings, Corner corner) {
  std::vector<Point> points;
  for (const Timing& t : timings)
    points.push_back({.position = t.position,
                      .seconds = corner == Corner::cheap    ? t.fast_s
                                 : corner == Corner::middle ? t.middle_s
                                                            : t.slow_s});
  return Curve(std::move(points));
}

}  // namespace

SpeedAt at(const Speed& speed, Corner corner) {
  SpeedAt out{.prefill = curve(speed.prefill, corner), .decode = curve(speed.decode, corner), .batching = {}};
  for (const Batching& b : speed.batching)
    out.batching.push_back({b.clients, corner == Corner::cheap    ? b.gain.high
                                       : corner == Corner::middle ? b.gain.value()
                                                                  : b.gain.low});
  return out;
}

}  // namespace dsa::cost
