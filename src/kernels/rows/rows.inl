// The passes over one row of row_kernels.h.  Included inside an instruction set's namespace and target
// region.  Tails: lanes past the end read as 0 or as `otherwise`, and are not written.
// Needs: vec.

inline float largest_of(const float* x, std::int64_t n) {
  const Vec lowest = all(-__builtin_inff());
  Vec most = lowest;
  for (std::int64_t s = 0; s < n; s += Vec::kLanes)
    most = max(first_or(n - s, load_part(x + s, n - s), lowest), most);
  return max_lane(most);
}

/// x := exp(x - top); returns the sum.
inline float exponentials(float* x, std::int64_t n, float top) {
  Vec total = zero();
  for (std::int64_t s = 0; s < n; s += Vec::kLanes) {
    const Vec e = first_or(n - s, exp(load_part(x + s, n - s) - all(top)), zero());
    store_part(x + s, e, n - s);
    total = total + e;
  }
  return sum(total);
}

void add_attention(float* scores, std::int64_t n, float* total, float* largest) {
  const Vec inverse = all(1.0F / exponentials(scores, n, largest_of(scores, n)));
  for (std::int64_t s = 0; s < n; s += Vec::kLanes) {
    const std::int64_t left = n - s;
    const Vec p = load_part(scores + s, left) * inverse;
    if (total != nullptr) store_part(total + s, load_part(total + s, left) + p, left);
    if (largest != nullptr) store_part(largest + s, max(load_part(largest + s, left), p), left);
  }
}

void softmax(float* x, std::int64_t n) {
  const Vec inverse = all(1.0F / exponentials(x, n, largest_of(x, n)));
  for (std::int64_t s = 0; s < n; s += Vec::kLanes)
    store_part(x + s, load_part(x + s, n - s) * inverse, n - s);
}

void softmax_backward(const float* p, float* grad, std::int64_t n) {
  Vec products = zero();
  for (std::int64_t s = 0; s < n; s += Vec::kLanes)
    products = fma(load_part(p + s, n - s), load_part(grad + s, n - s), products);
  const Vec mean = all(sum(products));
  for (std::int64_t s = 0; s < n; s += Vec::kLanes)
    store_part(grad + s, load_part(p + s, n - s) * (load_part(grad + s, n - s) - mean), n - s);
}

void add_relu(const float* products, float weight, std::int64_t n, float* scores) {
  for (std::int64_t s = 0; s < n; s += Vec::kLanes) {
    // max(0, NaN) is NaN: a broken product is not taken for a low score.
    const Vec active = max(zero(), load_part(products + s, n - s));
    store_part(scores + s, fma(active, all(weight), load_part(scores + s, n - s)), n - s);
  }
}

// ln x for finite x >= the smallest normal number, within a few ulp: x = 2^e m with m in [sqrt(1/2),
// sqrt(2)), and ln m by its series in t = (m - 1) / (m + 1).  A plain loop: g++ vectorises it.
inline float log_of(float x) {
  const std::int32_t bits = __builtin_bit_cast(std::int32_t, x) - 0x3F3504F3;
  const std::int32_t e = bits >> 23;
  const float m = __builtin_bit_cast(float, (bits & 0x007FFFFF) + 0x3F3504F3);
  const float t = (m - 1) / (m + 1), t2 = t * t;
  const float series = 2 * t * (1 + t2 * (1.0F / 3 + t2 * (0.2F + t2 * (1.0F / 7 + t2 * (1.0F / 9)))));
  return static_cast<float>(e) * 0.693147181F + series;
}

/// sum of p ln p; p ln p is 0 in the limit p = 0.
inline double minus_entropy(const float* p, std::int64_t n) {
  constexpr std::int64_t kTile = 256;
  float tile[kTile];
  double all_tiles = 0;
  for (std::int64_t first = 0; first < n; first += kTile) {
    const std::int64_t count = n - first < kTile ? n - first : kTile;
    for (std::int64_t i = 0; i < count; ++i) {
      const float x = p[first + i] < 1.2e-38F ? 1.2e-38F : p[first + i];
      tile[i] = p[first + i] * log_of(x);
    }
    Vec total = zero();
    for (std::int64_t i = 0; i < count; i += Vec::kLanes) total = total + load_part(tile + i, count - i);
    all_tiles += static_cast<double>(sum(total));
  }
  return all_tiles;
}

double kl_row(float* scores, const float* target, std::int64_t n, float grad_scale) {
  const float top = largest_of(scores, n);
  // sum p (I - top): relative to the top, so that nothing large cancels.
  Vec cross = zero();
  for (std::int64_t s = 0; s < n; s += Vec::kLanes)
    cross = fma(load_part(target + s, n - s),
                first_or(n - s, load_part(scores + s, n - s) - all(top), zero()), cross);
  const float total = exponentials(scores, n, top);
  const Vec inverse = all(1.0F / total), factor = all(grad_scale);
  for (std::int64_t s = 0; s < n; s += Vec::kLanes) {
    const Vec q = load_part(scores + s, n - s) * inverse;
    store_part(scores + s, (q - load_part(target + s, n - s)) * factor, n - s);
  }
  return minus_entropy(target, n) - static_cast<double>(sum(cross)) + std::log(static_cast<double>(total));
}

float relu_backward(const float* grad, float* products, float weight, std::int64_t n) {
  Vec total = zero();
  for (std::int64_t s = 0; s < n; s += Vec::kLanes) {
    const Vec a = load_part(products + s, n - s), g = load_part(grad + s, n - s);
    total = fma(g, max(zero(), a), total);
    store_part(products + s, g * all(weight) * positive(a), n - s);
  }
  return sum(total);
}

void scale(float* x, float factor, std::int64_t n) {
  for (std::int64_t s = 0; s < n; s += Vec::kLanes)
    store_part(x + s, load_part(x + s, n - s) * all(factor), n - s);
}

void add_scaled(const float* x, float factor, std::int64_t n, float* y) {
  for (std::int64_t s = 0; s < n; s += Vec::kLanes)
    store_part(y + s, fma(load_part(x + s, n - s), all(factor), load_part(y + s, n - s)), n - s);
}

float total(const float* x, std::int64_t n) {
  Vec all_lanes = zero();
  for (std::int64_t s = 0; s < n; s += Vec::kLanes) all_lanes = all_lanes + load_part(x + s, n - s);
  return sum(all_lanes);
}

// A plain loop: g++ vectorises it.
void adamw(const AdamWArgs& a) {
  const float* __restrict g = a.gradient;
  float* __restrict m = a.first_moment;
  float* __restrict v = a.second_moment;
  float* __restrict x = a.parameters;
  for (std::int64_t i = 0; i < a.n; ++i) {
    m[i] = __builtin_fmaf(g[i], a.rest1, m[i] * a.beta1);
    v[i] = __builtin_fmaf(a.rest2 * g[i], g[i], v[i] * a.beta2);
    x[i] += a.rate * m[i] / (__builtin_sqrtf(v[i]) / a.deviation + a.eps);
  }
}

/// The family's table.
constexpr RowKernels row_kernels(const char* name) {
  return {.name = name,
          .product = product,
          .gather_dots = gather_dots,
          .gather_sum = gather_sum,
          .scatter_add = scatter_add,
          .softmax = softmax,
          .softmax_backward = softmax_backward,
          .add_attention = add_attention,
          .add_relu = add_relu,
          .kl_row = kl_row,
          .relu_backward = relu_backward,
          .scale = scale,
          .add_scaled = add_scaled,
          .total = total,
          .adamw = adamw};
}
