#include "train/loop/clip.h"

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/numeric.h"

namespace dsa::train {
namespace {

double norm_of(std::span<const float> values) {
  double squares = 0;
  for (const float v : values) squares += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(squares);
}

}  // namespace

double clip_norm(std::span<float> values, double clip) {
  const double norm = norm_of(values);
  if (!(norm > clip)) return norm;
  const auto factor = static_cast<float>(clip / norm);
  for (float& v : values) v *= factor;
  return norm;
}

double clip_norm(std::span<float> values, double clip, Exec& exec) {
  constexpr std::int64_t kGrain = 1 << 16;
  const auto size = static_cast<std::int64_t>(values.size());
  std::vector<double> squares(usize(ceil_div(size, kGrain)));
  const auto part = [&](std::int64_t begin, std::int64_t end) {
    return values.subspan(usize(begin), usize(end - begin));
  };
  exec.parallel_for(size, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
    const double norm = norm_of(part(begin, end));
    squares[usize(begin / kGrain)] = norm * norm;
  });
  const double norm = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
  if (!(norm > clip)) return norm;
  const auto factor = static_cast<float>(clip / norm);
  exec.parallel_for(size, kGrain, [&](std::int64_t begin, std::int64_t end, int) {
    for (float& v : part(begin, end)) v *= factor;
  });
  return norm;
}

}  // namespace dsa::train
