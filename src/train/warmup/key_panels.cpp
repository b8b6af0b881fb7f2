#include "train/warmup/key_panels.h"

#include <algorithm>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa::train {
namespace {

constexpr std::int64_t kPanelGrain = 8;

// Pairs lie where the floats would.
std::uint32_t* words(float* p) { return reinterpret_cast<std::uint32_t*>(p); }
const std::uint32_t* words(const float* p) { return reinterpret_cast<const std::uint32_t*>(p); }

}  // namespace

KeyPanels::KeyPanels(const RowKernels& kernels, const PairKernels* pairs, std::int64_t groups,
                     std::int64_t dim, std::int64_t most_keys)
    : kernels_(kernels), pairs_(pairs), groups_(groups), dim_(dim) {
  data_.resize(usize(groups * panels_for(most_keys) * panel_size()));
}

void KeyPanels::pack(Exec& exec, TensorView<const float, 3> keys) {
  const std::int64_t n = keys.rows();
  DSA_CHECK(keys.dim(1) == groups_ && keys.cols() == dim_);
  panels_ = panels_for(n);
  DSA_CHECK(groups_ * panels_ * panel_size() <= std::ssize(data_));
  exec.parallel_for(groups_ * panels_, kPanelGrain, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t group = i / panels_, first = i % panels_ * kPanel;
      const std::int64_t count = std::min(kPanel, n - first);
      float* out = data_.data() + i * panel_size();
      const float* from = keys.row(first, group);
      if (pairs_ != nullptr) {
        pairs_->round_panel(
            {.rows = count, .dim = dim_, .x = from, .stride = keys.stride(0), .to = words(out)});
        continue;
      }
      for (std::int64_t l = 0; l < kPanel; ++l)
        for (std::int64_t d = 0; d < dim_; ++d)
          out[d * kPanel + l] = l < count ? from[l * keys.stride(0) + d] : 0.0F;
    }
  });
}

void KeyPanels::prepare(const float* x, std::int64_t rows, std::int64_t stride, float scale,
                        float* to) const {
  if (pairs_ != nullptr)
    return pairs_->round_rows(
        {.rows = rows, .dim = dim_, .x = x, .stride = stride, .scale = scale, .to = words(to)});
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t d = 0; d < dim_; ++d) to[i * dim_ + d] = x[i * stride + d] * scale;
}

void KeyPanels::multiply(std::int64_t group, const float* rows, std::int64_t m, std::int64_t first,
                         std::int64_t count, float* c, std::int64_t c_row) const {
  DSA_DCHECK(first % kPanel == 0 && count % kPanel == 0 && first + count <= panels_ * kPanel);
  const float* panels = data_.data() + (group * panels_ + first / kPanel) * panel_size();
  if (pairs_ != nullptr)
    return pairs_->product({.m = m,
                            .panels = count / kPanel,
                            .pairs = row_size(),
                            .a = words(rows),
                            .b = words(panels),
                            .c = c,
                            .c_row = c_row});
  kernels_.product({.m = m,
                    .n = count,
                    .k = dim_,
                    .a = rows,
                    .a_row = dim_,
                    .b = panels,
                    .b_row = kPanel,
                    .b_panel = kPanel * dim_,
                    .c = c,
                    .c_row = c_row});
}

}  // namespace dsa::train
