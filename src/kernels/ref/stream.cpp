#include <algorithm>
#include <bit>

#include "kernels/ref/ref.h"

namespace dsa {
namespace {

bool all_finite(std::span<const float> row) {
  // An exponent of all ones is an infinity or a NaN.  Integer arithmetic: vectorises, and no flag can
  // optimise it away.
  std::uint32_t bad = 0;
  for (const float value : row)
    bad |= ((std::bit_cast<std::uint32_t>(value) & 0x7F800000U) == 0x7F800000U) ? 1U : 0U;
  return bad == 0;
}

}  // namespace

void ref::gather_rows(Exec& exec, const GatherRowsArgs& args) {
  DSA_CHECK(args.y.rows() == std::ssize(args.rows) && args.y.cols() == args.x.cols());
  exec.parallel_for(args.y.rows(), 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) std::ranges::copy(args.x.span(args.rows[i]), args.y.row(i));
  });
}

void ref::scale_rows(Exec& exec, const ScaleRowsArgs& args) {
  exec.parallel_for(args.x.rows(), 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      for (float& value : args.x.span(t)) value *= args.factor;
  });
}

void ref::zero_rows(Exec& exec, const ZeroRowsArgs& args) {
  exec.parallel_for(args.x.rows(), 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) std::ranges::fill(args.x.span(t), 0.0F);
  });
}

void ref::mark_not_finite(Exec& exec, const MarkNotFiniteArgs& args) {
  DSA_CHECK(std::ssize(args.found) == args.x.rows() && args.mark >= 0);
  exec.parallel_for(args.x.rows(), 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      if (args.found[t] < 0 && !all_finite(args.x.span(t))) args.found[t] = args.mark;
  });
}

}  // namespace dsa
