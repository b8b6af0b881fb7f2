#include "cost/curve.h"

#include <algorithm>

#include "base/error.h"

namespace dsa::cost {

Curve::Curve(std::vector<Point> points) : points_(std::move(points)) {
  DSA_CHECK(!points_.empty());
  for (std::size_t i = 1; i < points_.size(); ++i) DSA_CHECK(points_[i - 1].position < points_[i].position);
}

double Curve::at(double position) const {
  const auto next = std::ranges::upper_bound(points_, position, {}, &Point::position);
  if (next == points_.begin() || points_.size() == 1) return points_.front().seconds;
  const bool behind = next == points_.end();
  const Point& b = behind ? points_.back() : *next;
  const Point& a = *(behind ? next - 2 : next - 1);
  const double slope = (b.seconds - a.seconds) / (b.position - a.position);
  return b.seconds + (position - b.position) * (behind ? std::max(slope, 0.0) : slope);
}

double Curve::mean(double from, double to) const {
  if (to <= from) return at(from);
  double area = 0, left = from;
  const auto up_to = [&](double right) {
    area += (at(left) + at(right)) / 2 * (right - left);
    left = right;
  };
  for (const Point& point : points_)
    if (point.position > from && point.position < to) up_to(point.position);
  up_to(to);
  return area / (to - from);
}

}  // namespace dsa::cost
