#include "eval/attention_mass.h"

#include <algorithm>
#include <cstring>

#include "eval/softmax.h"

namespace dsa {
namespace {

constexpr std::int64_t kScoreFloats = std::int64_t{1} << 20;  // of one block of rows: stays in the cache

template <class T>
std::span<T> sized(std::vector<T>& memory, std::int64_t count) {
  if (memory.size() < static_cast<std::size_t>(count)) memory.resize(static_cast<std::size_t>(count));
  return std::span(memory).first(static_cast<std::size_t>(count));
}

}  // namespace

struct AttentionMass::Shape {
  std::int64_t groups = 0;
  std::int64_t group_heads = 0;
  std::int64_t c_width = 0;  // of the part of c that takes part in the score: 0 in GQA
  std::int64_t width = 0;    // of a query and of a key
  std::int64_t tokens = 0;   // visible to the last row
  float scale = 0;
  std::int64_t rows = 0;  // of the block
};

void AttentionMass::of_rows(const AttentionInputs& inputs, const KvView& kv,
                            std::span<const std::int64_t> batch_rows, const Visit& visit) {
  if (batch_rows.empty()) return;
  const auto row_of = [&](std::int64_t r) { return inputs.rows[static_cast<std::size_t>(r)]; };
  Shape shape{.groups = kv.layout.groups,
              .group_heads = inputs.q_pe.dim(1) / kv.layout.groups,
              .c_width = inputs.q_c.empty() ? 0 : kv.layout.rank,
              .tokens = row_of(batch_rows.back()).visible,
              .scale = inputs.scale};
  shape.width = shape.c_width + kv.layout.rope_dim;
  widen_keys(kv, row_of(batch_rows.back()).pages, shape);

  const std::int64_t most = std::max<std::int64_t>(1, kScoreFloats / (shape.group_heads * shape.tokens));
  std::vector<std::int64_t> visible;
  for (std::size_t first = 0; first < batch_rows.size(); first += static_cast<std::size_t>(most)) {
    const auto block =
        batch_rows.subspan(first, std::min(batch_rows.size() - first, static_cast<std::size_t>(most)));
    shape.rows = static_cast<std::int64_t>(block.size());
    visible.clear();
    for (const auto r : block) visible.push_back(row_of(r).visible);
    DSA_CHECK(std::ranges::is_sorted(visible));
    gather_queries(inputs, block, shape);
    std::ranges::fill(sized(mass_, shape.rows * shape.tokens), 0.0F);
    for (std::int64_t g = 0; g < shape.groups; ++g) add_group(visible, g, shape);
    exec_.parallel_for(shape.rows, 1, [&](std::int64_t begin, std::int64_t end, int rank) {
      for (std::int64_t r = begin; r < end; ++r)
        visit(
            first + static_cast<std::size_t>(r),
            {mass_.data() + r * shape.tokens, static_cast<std::size_t>(visible[static_cast<std::size_t>(r)])},
            rank);
    });
  }
}

void AttentionMass::widen_keys(const KvView& kv, const std::int32_t* pages, const Shape& shape) {
  const std::int64_t entry = kv.layout.rank + kv.layout.rope_dim, skipped = kv.layout.rank - shape.c_width;
  const auto keys = sized(keys_, shape.groups * shape.tokens * shape.width);
  exec_.parallel_for(shape.tokens, kPageTokens, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t s = begin; s < end; ++s) {
      const std::byte* stored = kv.entry(pages[s / kPageTokens], s % kPageTokens);
      for (std::int64_t g = 0; g < shape.groups; ++g) {
        float* key = keys.data() + (g * shape.tokens + s) * shape.width;
        const std::int64_t from = g * entry + skipped;
        if (kv.layout.type == DType::f32) {
          std::memcpy(key, stored + from * 4, static_cast<std::size_t>(shape.width) * 4);
        } else {
          const auto* values = reinterpret_cast<const bf16*>(stored) + from;
          for (std::int64_t i = 0; i < shape.width; ++i) key[i] = static_cast<float>(values[i]);
        }
      }
    }
  });
}

void AttentionMass::gather_queries(const AttentionInputs& inputs, std::span<const std::int64_t> batch_rows,
                                   const Shape& shape) {
  float* out = sized(queries_, shape.groups * shape.rows * shape.group_heads * shape.width).data();
  for (std::int64_t g = 0; g < shape.groups; ++g)
    for (const auto row : batch_rows)
      for (std::int64_t i = 0; i < shape.group_heads; ++i) {
        const std::int64_t head = g * shape.group_heads + i;
        if (shape.c_width > 0)
          for (const float value : inputs.q_c.span(row, head)) *out++ = shape.scale * value;
        for (const float value : inputs.q_pe.span(row, head)) *out++ = shape.scale * value;
      }
}

void AttentionMass::add_group(std::span<const std::int64_t> visible, std::int64_t group, const Shape& shape) {
  const std::int64_t heads = shape.group_heads, n = shape.rows * heads;
  const auto scores = sized(scores_, n * shape.tokens);
  const auto scratch = sized(scratch_, static_cast<std::int64_t>(linear_scratch_bytes(n, shape.width)));
  const TensorView<const float, 2> queries(queries_.data() + group * n * shape.width, {n, shape.width});
  // Queries times keys is a product with a "weight" of one row a token.
  const WeightView keys{
      .type = DType::f32,
      .rows = visible.back(),
      .cols = shape.width,
      .data = reinterpret_cast<const std::byte*>(keys_.data() + group * shape.tokens * shape.width),
      .row_bytes = static_cast<std::size_t>(shape.width) * sizeof(float)};
  const LinearOutput output{.weight = keys, .bias = {}, .y = {scores.data(), {n, visible.back()}}};
  kernels_.linear(exec_,
                  {.x = queries, .outputs = {&output, 1}, .compute = Compute::f32, .scratch = scratch});

  const double share = 1.0 / static_cast<double>(shape.groups * heads);
  exec_.parallel_for(shape.rows, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t r = begin; r < end; ++r) {
      const auto count = static_cast<std::size_t>(visible[static_cast<std::size_t>(r)]);
      float* mass = mass_.data() + r * shape.tokens;
      for (std::int64_t h = 0; h < heads; ++h) {
        const auto values = output.y.span(r * heads + h).first(count);
        const auto factor = static_cast<float>(share / exponentials(values));
        for (std::size_t s = 0; s < count; ++s) mass[s] += factor * values[s];
      }
    }
  });
}

}  // namespace dsa
