// How long a token takes, by its position.
#pragma once

#include <span>
#include <vector>

namespace dsa::cost {

struct Point {
  double position = 0;  // tokens before it
  double seconds = 0;
};

/// Straight lines between points.  Before the first it is level; behind the last it goes on as between the
/// last two, but never falls: no token gets faster by standing further back.
class Curve {
 public:
  /// At least one point, in the order of their positions, which differ.
  explicit Curve(std::vector<Point> points);

  [[nodiscard]] double at(double position) const;
  /// The mean over the positions from .. to, exactly; at(from) where there are none.
  [[nodiscard]] double mean(double from, double to) const;
  [[nodiscard]] std::span<const Point> points() const { return points_; }

 private:
  std::vector<Point> points_;
};

}  // namespace dsa::cost
