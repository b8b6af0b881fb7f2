// Many things a few at a time.
// Needs: nothing.

/// Calls step.operator()<N>(i) until [i, end) is done: N of the first size at a time while as many are left,
/// then of the next.  The last size is 1.
template <int... kSizes, class Step>
[[gnu::always_inline]] inline void in_steps(std::int64_t i, std::int64_t end, const Step& step) {
  const auto while_fits = [&]<int N>() __attribute__((always_inline)) {
    for (; i + N <= end; i += N) step.template operator()<N>(i);
  };
  (while_fits.template operator()<kSizes>(), ...);
}
