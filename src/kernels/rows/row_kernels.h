// The arithmetic under the indexer's loss and its gradient: small products, and passes over one row of
// scores.  One body (rows/*.inl) compiled per instruction set; results depend on the set, never on threads.
#pragma once

#include <cstdint>
#include <string_view>

namespace dsa {

/// Columns that a product works on at once.  Matrices of keys are kept in panels of this width.
inline constexpr std::int64_t kPanel = 16;

constexpr std::int64_t panels_for(std::int64_t columns) { return (columns + kPanel - 1) / kPanel; }
constexpr std::int64_t padded_to_panel(std::int64_t columns) { return panels_for(columns) * kPanel; }

/// C[i, j] (+)= sum_k A[i, k] B[k, j], float32, sums in ascending k from C's old value or 0.
/// A(i, k) lies at a + i * a_row + k * a_col, so that a transposed A costs nothing.  Column j = 16 p + l of
/// B's row k lies at b + p * b_panel + k * b_row + l: row-major with b_panel = kPanel, or panels one after
/// the other (b_row = kPanel), where keys are read as one stream.  C is row-major and aliases neither.
struct ProductArgs {
  std::int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  std::int64_t a_row = 0, a_col = 1;
  const float* b = nullptr;
  std::int64_t b_row = 0, b_panel = kPanel;
  float* c = nullptr;
  std::int64_t c_row = 0;
  bool accumulate = false;
};

/// Products with the rows of a matrix that a selection names, `heads` vectors at a time:
///   gather_dots  p[h, i]         = scale * sum_d a[h, d] rows[idx[i], d]
///   gather_sum   a[h, d]         = scale * sum_i p[h, i] rows[idx[i], d], sums in ascending i
///   scatter_add  rows[idx[i], d] += scale * sum_h p[h, i] a[h, d]
/// Row r lies at rows + r * stride.  Nothing aliases.
struct GatherArgs {
  std::int64_t heads = 0, count = 0, dim = 0;
  const std::int32_t* idx = nullptr;  // [count]
  float* rows = nullptr;              // written by scatter_add alone
  std::int64_t stride = 0;
  float* a = nullptr;  // [heads, dim], written by gather_sum alone
  std::int64_t a_row = 0;
  float* p = nullptr;  // [heads, count], written by gather_dots alone
  std::int64_t p_row = 0;
  float scale = 1;
};

/// One instruction set's; KernelTable::rows names those that go with a family of kernels.
/// A step of AdamW over n numbers:
///   m = fma(g, rest1, beta1 m)     v = fma(rest2 g, g, beta2 v)
///   x = x + rate m / (sqrt(v) / deviation + eps)
/// The same bits in every set.  Nothing aliases.
struct AdamWArgs {
  std::int64_t n = 0;
  const float* gradient = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;
  float* parameters = nullptr;
  float beta1 = 0, beta2 = 0;
  float rest1 = 0, rest2 = 0;  // 1 - beta
  float deviation = 1;         // sqrt(1 - beta2^step)
  float eps = 0;
  float rate = 0;  // below 0
};

struct RowKernels {
  std::string_view name;  // "portable", "avx2", "avx512"

  void (*product)(const ProductArgs&) = nullptr;

  void (*gather_dots)(const GatherArgs&) = nullptr;
  void (*gather_sum)(const GatherArgs&) = nullptr;
  void (*scatter_add)(const GatherArgs&) = nullptr;

  /// x := softmax(x).
  void (*softmax)(float* x, std::int64_t n) = nullptr;
  /// Through p = softmax(x): grad[s] := p[s] * (grad[s] - sum_r p[r] grad[r]).
  void (*softmax_backward)(const float* p, float* grad, std::int64_t n) = nullptr;

  /// p = softmax(scores[0 .. n)), then sum[s] += p[s] and largest[s] = max(largest[s], p[s]); either may be
  /// null.  scores is overwritten.
  void (*add_attention)(float* scores, std::int64_t n, float* sum, float* largest) = nullptr;

  /// scores[s] += weight * relu(products[s]).
  void (*add_relu)(const float* products, float weight, std::int64_t n, float* scores) = nullptr;

  /// KL(target || softmax(scores)) of one row in its log_softmax form, and scores[s] := grad_scale *
  /// (softmax(scores)[s] - target[s]), its gradient with respect to the scores.  target sums to 1.
  double (*kl_row)(float* scores, const float* target, std::int64_t n, float grad_scale) = nullptr;

  /// Through weight * relu(products): products[s] := grad[s] * weight where products[s] > 0, else 0.  Returns
  /// the weight's gradient, sum_s grad[s] * relu(products[s]).
  float (*relu_backward)(const float* grad, float* products, float weight, std::int64_t n) = nullptr;

  /// x[s] *= factor.
  void (*scale)(float* x, float factor, std::int64_t n) = nullptr;
  /// y[s] += factor * x[s].
  void (*add_scaled)(const float* x, float factor, std::int64_t n, float* y) = nullptr;
  float (*total)(const float* x, std::int64_t n) = nullptr;

  void (*adamw)(const AdamWArgs&) = nullptr;
};

extern const RowKernels kPortableRows;  // those of the reference

}  // namespace dsa
