#include <algorithm>
#include <array>

#include "kernels/block_dot.h"
#include "kernels/dequantize.h"
#include "kernels/ref/ref.h"
#include "kernels/scratch.h"

namespace dsa {
namespace {

constexpr std::int64_t kChunk = 256;  // weights dequantised at a time: a whole number of every type's blocks
constexpr std::int64_t kTile = 16;    // rows of x that share one dequantised chunk

enum class Rounding : std::uint8_t { none, q8, fp8 };

Rounding rounding_of(DType type, Compute compute) {
  if (compute == Compute::f32) return Rounding::none;
  if (is_quantized_block(type)) return Rounding::q8;
  return type == DType::f8_e4m3 && compute == Compute::demo ? Rounding::fp8 : Rounding::none;
}

/// Columns [first, first + count) of a weight; first is a multiple of kChunk.
WeightView columns(const WeightView& weight, std::int64_t first, std::int64_t count) {
  const DTypeTraits& t = traits(weight.type);
  WeightView part = weight;
  part.cols = count;
  part.data += static_cast<std::size_t>(first / t.block_elements) * t.block_bytes;
  if (part.scales != nullptr) part.scales += first / kScaleBlock;
  return part;
}

/// x rounded once for all outputs; rows of `in` elements.
struct Rounded {
  TensorView<std::int8_t, 2> q;
  TensorView<float, 2> scale, sum;  // per 32 elements
  TensorView<Aside, 2> asides;      // [n, most_asides()], of which `set` are
  std::span<std::int32_t> set;
  TensorView<float, 2> fp8;
};

// A row rounded to int8, without what is set aside.
void round_row(std::span<const float> x, std::int64_t t, Rounded& out) {
  const float limit = aside_limit(x);
  std::size_t set = 0;
  for (std::size_t k = 0; k < x.size(); k += kQ8Block) {
    std::array<float, kQ8Block> rest;
    set += static_cast<std::size_t>(set_aside(x.subspan(k, kQ8Block), limit, static_cast<std::int32_t>(t),
                                              static_cast<std::int64_t>(k), rest,
                                              out.asides.span(t).subspan(set)));
    q8_blocks(rest, out.q.span(t).subspan(k, kQ8Block), out.scale.span(t).subspan(k / kQ8Block, 1),
              out.sum.span(t).subspan(k / kQ8Block, 1));
  }
  out.set[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(set);
}

Rounded round_x(Exec& exec, Rounding rounding, const TensorView<const float, 2>& x,
                std::span<std::byte> scratch) {
  const std::int64_t n = x.rows();
  const std::int64_t in = x.cols();
  Rounded out;
  if (rounding == Rounding::q8) {
    const std::int64_t blocks = in / kQ8Block;
    out.scale = {take<float>(scratch, n * blocks).data(), {n, blocks}};
    out.sum = {take<float>(scratch, n * blocks).data(), {n, blocks}};
    out.q = {take<std::int8_t>(scratch, n * in).data(), {n, in}};
    out.asides = {take<Aside>(scratch, n * most_asides(in)).data(), {n, most_asides(in)}};
    out.set = take<std::int32_t>(scratch, n);
  } else {
    out.fp8 = {take<float>(scratch, n * in).data(), {n, in}};
  }
  exec.parallel_for(n, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      if (rounding == Rounding::q8)
        round_row(x.span(t), t, out);
      else
        act_quant(x.span(t), out.fp8.span(t));
  });
  return out;
}

/// acc[i] = x[t0 + i] . W[row], weights exactly dequantised.
void dot_exact(const WeightView& weight, std::int64_t row, const TensorView<const float, 2>& x,
               std::int64_t t0, std::span<double> acc) {
  std::array<float, kChunk> buffer;
  std::fill(acc.begin(), acc.end(), 0.0);
  for (std::int64_t first = 0; first < weight.cols; first += kChunk) {
    const std::int64_t count = std::min(kChunk, weight.cols - first);
    dequantize_row(columns(weight, first, count), row,
                   std::span(buffer).first(static_cast<std::size_t>(count)));
    for (std::size_t i = 0; i < acc.size(); ++i) {
      const float* from = x.row(t0 + static_cast<std::int64_t>(i)) + first;
      for (std::int64_t k = 0; k < count; ++k) acc[i] += static_cast<double>(from[k]) * buffer[k];
    }
  }
}

/// The same with x rounded to int8: block_dot.h, blocks accumulated in ascending order.
void dot_q8(const WeightView& weight, std::int64_t row, const Rounded& x, std::int64_t t0,
            std::span<double> acc) {
  const std::byte* data = weight.data + static_cast<std::size_t>(row) * weight.row_bytes;
  std::array<float, kTile> sum{};
  for (std::int64_t unit = 0; unit < weight.cols / kQ8Block; ++unit) {
    const QuantUnit w = unpack_unit(weight.type, data, unit);
    for (std::size_t i = 0; i < acc.size(); ++i) {
      const std::int64_t t = t0 + static_cast<std::int64_t>(i);
      const std::span<const std::int8_t, 32> q(x.q.row(t) + unit * kQ8Block, 32);
      sum[i] += unit_dot(w, q, x.scale(t, unit));
    }
  }
  for (std::size_t i = 0; i < acc.size(); ++i) {
    const std::int64_t t = t0 + static_cast<std::int64_t>(i);
    for (const Aside& aside :
         x.asides.span(t).first(static_cast<std::size_t>(x.set[static_cast<std::size_t>(t)]))) {
      const std::int64_t chunk = aside.k / kChunk * kChunk;
      std::array<float, kChunk> w;
      const std::int64_t count = std::min(kChunk, weight.cols - chunk);
      dequantize_row(columns(weight, chunk, count), row, std::span(w).first(static_cast<std::size_t>(count)));
      sum[i] += aside.x * w[static_cast<std::size_t>(aside.k - chunk)];
    }
  }
  std::copy_n(sum.begin(), acc.size(), acc.begin());
}

/// The same with x rounded to FP8: products of unscaled e4m3 weights, one scale per 128.
void dot_fp8(const WeightView& weight, std::int64_t row, const Rounded& x, std::int64_t t0,
             std::span<double> acc) {
  std::array<float, kScaleBlock> buffer;
  const std::byte* data = weight.data + static_cast<std::size_t>(row) * weight.row_bytes;
  const float* scales = weight.scales + (weight.scale_row0 + row) / kScaleBlock * weight.scale_stride;
  std::fill(acc.begin(), acc.end(), 0.0);
  for (std::int64_t first = 0; first < weight.cols; first += kScaleBlock) {
    const std::int64_t count = std::min(kScaleBlock, weight.cols - first);
    dequantize(DType::f8_e4m3, data + first, std::span(buffer).first(static_cast<std::size_t>(count)));
    for (std::size_t i = 0; i < acc.size(); ++i) {
      const float* from = x.fp8.row(t0 + static_cast<std::int64_t>(i)) + first;
      double block = 0;
      for (std::int64_t k = 0; k < count; ++k) block += static_cast<double>(from[k]) * buffer[k];
      acc[i] += block * scales[first / kScaleBlock];
    }
  }
}

}  // namespace

void ref::linear(Exec& exec, const LinearArgs& args) {
  const std::int64_t n = args.x.rows();
  if (n == 0) return;
  Rounding ready = Rounding::none;
  Rounded rounded;
  for (const LinearOutput& output : args.outputs) {
    const WeightView& weight = output.weight;
    DSA_CHECK(weight.data != nullptr || weight.rows == 0);
    DSA_CHECK(weight.cols == args.x.cols());
    DSA_CHECK(output.y.rows() == n && output.y.cols() == weight.rows);
    DSA_CHECK(output.bias.empty() || static_cast<std::int64_t>(output.bias.size()) == weight.rows);
    const Rounding rounding = rounding_of(weight.type, args.compute);
    if (rounding != Rounding::none && rounding != ready) {
      rounded = round_x(exec, rounding, args.x, args.scratch);
      ready = rounding;
    }
    exec.parallel_for(weight.rows, 16, [&](std::int64_t begin, std::int64_t end, int) {
      std::array<double, kTile> buffer;
      for (std::int64_t o = begin; o < end; ++o)
        for (std::int64_t t0 = 0; t0 < n; t0 += kTile) {
          const auto acc = std::span(buffer).first(static_cast<std::size_t>(std::min(kTile, n - t0)));
          if (rounding == Rounding::none) dot_exact(weight, o, args.x, t0, acc);
          if (rounding == Rounding::q8) dot_q8(weight, o, rounded, t0, acc);
          if (rounding == Rounding::fp8) dot_fp8(weight, o, rounded, t0, acc);
          const double bias = output.bias.empty() ? 0.0 : output.bias[o];
          for (std::size_t i = 0; i < acc.size(); ++i)
            output.y(t0 + static_cast<std::int64_t>(i), o) = static_cast<float>(acc[i] + bias);
        }
    });
  }
}

void ref::absorb_query(Exec& exec, const AbsorbQueryArgs& args) {
  const std::int64_t n = args.q.dim(0);
  const std::int64_t heads = args.q.dim(1);
  const std::int64_t rank = args.kv_b.cols;
  DSA_CHECK(args.q.dim(2) <= args.head_rows && args.kv_b.rows == heads * args.head_rows);
  DSA_CHECK(args.out.dim(0) == n && args.out.dim(1) == heads && args.out.dim(2) == rank);
  exec.parallel_for(heads, 1, [&](std::int64_t begin, std::int64_t end, int) {
    std::array<float, kChunk> buffer;
    for (std::int64_t h = begin; h < end; ++h)
      for (std::int64_t first = 0; first < rank; first += kChunk) {
        const std::int64_t count = std::min(kChunk, rank - first);
        const WeightView part = columns(args.kv_b, first, count);
        for (std::int64_t t = 0; t < n; ++t) std::fill_n(args.out.row(t, h) + first, count, 0.0F);
        for (std::int64_t d = 0; d < args.q.dim(2); ++d) {
          dequantize_row(part, h * args.head_rows + d,
                         std::span(buffer).first(static_cast<std::size_t>(count)));
          for (std::int64_t t = 0; t < n; ++t)
            for (std::int64_t r = 0; r < count; ++r) args.out(t, h, first + r) += args.q(t, h, d) * buffer[r];
        }
      }
  });
}

void ref::expand_value(Exec& exec, const ExpandValueArgs& args) {
  const std::int64_t n = args.o.dim(0);
  const std::int64_t heads = args.o.dim(1);
  const std::int64_t v_dim = args.out.dim(2);
  DSA_CHECK(v_dim <= args.head_rows && args.kv_b.rows == heads * args.head_rows);
  DSA_CHECK(args.o.dim(2) == args.kv_b.cols && args.out.dim(0) == n && args.out.dim(1) == heads);
  if (n == 0) return;
  const std::int64_t nope = args.head_rows - v_dim;
  exec.parallel_for(heads, 1, [&](std::int64_t begin, std::int64_t end, int) {
    std::array<double, kTile> buffer;
    for (std::int64_t h = begin; h < end; ++h) {
      const TensorView<const float, 2> o(args.o.row(0, h), {n, args.o.dim(2)}, {args.o.stride(0), 1});
      for (std::int64_t d = 0; d < v_dim; ++d)
        for (std::int64_t t0 = 0; t0 < n; t0 += kTile) {
          const auto acc = std::span(buffer).first(static_cast<std::size_t>(std::min(kTile, n - t0)));
          dot_exact(args.kv_b, h * args.head_rows + nope + d, o, t0, acc);
          for (std::size_t i = 0; i < acc.size(); ++i)
            args.out(t0 + static_cast<std::int64_t>(i), h, d) = static_cast<float>(acc[i]);
        }
    }
  });
}

}  // namespace dsa
