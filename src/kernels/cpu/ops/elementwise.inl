// Norms, rope, swiglu, additions and cache writes: one pass over each row.
// Needs: vec.

inline float mean_square(const float* x, std::int64_t dim) {
  Vec s = zero();
  for (std::int64_t i = 0; i < dim; i += Vec::kLanes) {
    const Vec v = load_part(x + i, dim - i);
    s = fma(v, v, s);
  }
  return sum(s) / static_cast<float>(dim);
}

inline void rms_norm_row(const float* x, const float* weight, float eps, std::int64_t dim, float* y) {
  const Vec inverse = all(1.0F / __builtin_sqrtf(mean_square(x, dim) + eps));
  for (std::int64_t i = 0; i < dim; i += Vec::kLanes)
    store_part(y + i, load_part(x + i, dim - i) * inverse * load_part(weight + i, dim - i), dim - i);
}

void rms_norm(Exec& exec, const RmsNormArgs& args) {
  const std::int64_t dim = args.x.cols();
  DSA_CHECK(args.y.shape() == args.x.shape() && static_cast<std::int64_t>(args.weight.size()) == dim);
  exec.parallel_for(args.x.rows(), 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      rms_norm_row(args.x.row(t), args.weight.data(), args.eps, dim, args.y.row(t));
  });
}

inline void layer_norm_row(const float* x, const float* weight, const float* bias, float eps,
                           std::int64_t dim, float* y) {
  Vec s = zero();
  for (std::int64_t i = 0; i < dim; i += Vec::kLanes) s = s + load_part(x + i, dim - i);
  const Vec mean = all(sum(s) / static_cast<float>(dim));
  Vec squares = zero();
  for (std::int64_t i = 0; i < dim; i += Vec::kLanes) {
    const Vec v = first_or(dim - i, load_part(x + i, dim - i) - mean, zero());
    squares = fma(v, v, squares);
  }
  const Vec inverse = all(1.0F / __builtin_sqrtf(sum(squares) / static_cast<float>(dim) + eps));
  for (std::int64_t i = 0; i < dim; i += Vec::kLanes) {
    const Vec v = (load_part(x + i, dim - i) - mean) * inverse;
    store_part(y + i, fma(v, load_part(weight + i, dim - i), load_part(bias + i, dim - i)), dim - i);
  }
}

void layer_norm(Exec& exec, const LayerNormArgs& args) {
  const std::int64_t dim = args.x.cols();
  DSA_CHECK(args.y.shape() == args.x.shape() && static_cast<std::int64_t>(args.weight.size()) == dim);
  DSA_CHECK(static_cast<std::int64_t>(args.bias.size()) == dim);
  exec.parallel_for(args.x.rows(), 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      layer_norm_row(args.x.row(t), args.weight.data(), args.bias.data(), args.eps, dim, args.y.row(t));
  });
}

inline void rope_halves(float* x, const float* cosine, const float* sine, std::int64_t half) {
  for (std::int64_t i = 0; i < half; i += Vec::kLanes) {
    const std::int64_t left = half - i;
    const Vec a = load_part(x + i, left), b = load_part(x + half + i, left);
    const Vec c = load_part(cosine + i, left), s = load_part(sine + i, left);
    store_part(x + i, fnma(b, s, a * c), left);
    store_part(x + half + i, fma(a, s, b * c), left);
  }
}

inline void rope_pairs(float* x, const float* cosine, const float* sine, std::int64_t half) {
  constexpr std::int64_t kPairs = Vec::kLanes / 2;
  for (std::int64_t i = 0; i < half; i += kPairs) {
    const std::int64_t left = half - i;
    const Vec v = load_part(x + 2 * i, 2 * left);
    const Vec c = twice(load_part(cosine + i, left < kPairs ? left : kPairs));
    const Vec s = twice(load_part(sine + i, left < kPairs ? left : kPairs));
    store_part(x + 2 * i, rotate_pairs(v, c, s), 2 * left);
  }
}

void rope(Exec& exec, const RopeArgs& args) {
  const std::int64_t half = args.dim / 2;
  DSA_CHECK(args.dim % 2 == 0 && args.dim <= args.x.dim(2));
  DSA_CHECK(args.cos_sin.rows() == args.x.rows() && args.cos_sin.cols() == args.dim);
  const auto rotate = args.layout == RopeLayout::half_split ? rope_halves : rope_pairs;
  exec.parallel_for(args.x.rows(), 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      for (std::int64_t h = 0; h < args.x.dim(1); ++h)
        rotate(args.x.row(t, h), args.cos_sin.row(t), args.cos_sin.row(t) + half, half);
  });
}

inline void swiglu_row(const float* gate, const float* up, std::int64_t dim, float* out) {
  for (std::int64_t i = 0; i < dim; i += Vec::kLanes) {
    const Vec g = load_part(gate + i, dim - i);
    store_part(out + i, g / (all(1.0F) + exp(zero() - g)) * load_part(up + i, dim - i), dim - i);
  }
}

void swiglu(Exec& exec, const SwigluArgs& args) {
  DSA_CHECK(args.gate.shape() == args.out.shape() && args.up.shape() == args.out.shape());
  exec.parallel_for(args.out.rows(), 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      swiglu_row(args.gate.row(t), args.up.row(t), args.out.cols(), args.out.row(t));
  });
}

inline void add_row(const float* x, float scale, std::int64_t dim, float* y) {
  for (std::int64_t i = 0; i < dim; i += Vec::kLanes)
    store_part(y + i, fma(all(scale), load_part(x + i, dim - i), load_part(y + i, dim - i)), dim - i);
}

void add_rows(Exec& exec, const AddRowsArgs& args) {
  DSA_CHECK(args.x.cols() == args.y.cols());
  DSA_CHECK(args.rows.empty() || static_cast<std::int64_t>(args.rows.size()) == args.x.rows());
  DSA_CHECK(args.scale.empty() || args.scale.size() == args.rows.size());
  exec.parallel_for(args.x.rows(), 4, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      add_row(args.x.row(i), args.scale.empty() ? 1.0F : args.scale[at], args.x.cols(),
              args.y.row(args.rows.empty() ? i : args.rows[at]));
    }
  });
}

void gather_rows(Exec& exec, const GatherRowsArgs& args) {
  const std::int64_t m = static_cast<std::int64_t>(args.rows.size());
  DSA_CHECK(args.y.rows() == m && args.y.cols() == args.x.cols());
  exec.parallel_for(m, 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i)
      __builtin_memcpy(args.y.row(i), args.x.row(args.rows[static_cast<std::size_t>(i)]),
                       static_cast<std::size_t>(args.x.cols()) * sizeof(float));
  });
}

void scale_rows(Exec& exec, const ScaleRowsArgs& args) {
  const std::int64_t dim = args.x.cols();
  exec.parallel_for(args.x.rows(), 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      for (std::int64_t i = 0; i < dim; i += Vec::kLanes)
        store_part(args.x.row(t) + i, load_part(args.x.row(t) + i, dim - i) * all(args.factor), dim - i);
  });
}

void zero_rows(Exec& exec, const ZeroRowsArgs& args) {
  exec.parallel_for(args.x.rows(), 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t)
      __builtin_memset(args.x.row(t), 0, static_cast<std::size_t>(args.x.cols()) * sizeof(float));
  });
}

/// 0 times a number is 0, but NaN if the number is an infinity or NaN.
inline bool all_finite(const float* x, std::int64_t dim) {
  Vec nothing = zero();
  for (std::int64_t i = 0; i < dim; i += Vec::kLanes)
    nothing = fma(load_part(x + i, dim - i), zero(), nothing);
  return sum(nothing) == 0;
}

void mark_not_finite(Exec& exec, const MarkNotFiniteArgs& args) {
  DSA_CHECK(static_cast<std::int64_t>(args.found.size()) == args.x.rows() && args.mark >= 0);
  exec.parallel_for(args.x.rows(), 16, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      std::int32_t& found = args.found[static_cast<std::size_t>(t)];
      if (found < 0 && !all_finite(args.x.row(t), args.x.cols())) found = args.mark;
    }
  });
}

/// count floats to the cache's type; returns the place after them.
inline std::byte* write_elements(DType type, const float* from, std::int64_t count, std::byte* to) {
  if (type == DType::f32) {
    __builtin_memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
    return to + static_cast<std::size_t>(count) * sizeof(float);
  }
  auto* out = reinterpret_cast<bf16*>(to);
  for (std::int64_t i = 0; i < count; i += Vec::kLanes)
    store_part(out + i, load_part(from + i, count - i), count - i);
  return to + static_cast<std::size_t>(count) * sizeof(bf16);
}

/// A key to its place among the words of a page.
inline void write_key(const KvView& kv, std::int32_t page, std::int64_t slot, const float* key) {
  constexpr std::int64_t kWord = KvLayout::kWordBytes;
  alignas(64) std::byte words[(kMaxIndexDim + 1) * kWord];
  const std::int64_t dim = kv.layout.index_dim, count = kv.layout.key_words();
  if (kv.layout.int8_keys) {
    const float scale = round_int8(key, dim, reinterpret_cast<std::int8_t*>(words));
    __builtin_memcpy(words + (count - 1) * kWord, &scale, kWord);
  } else {
    __builtin_memset(words + (count - 1) * kWord, 0, kWord);
    write_elements(kv.layout.type, key, dim, words);
  }
  for (std::int64_t i = 0; i < count; ++i)
    __builtin_memcpy(kv.key_word(page, slot, i), words + i * kWord, kWord);
}

void cache_write(Exec& exec, const CacheWriteArgs& args) {
  const KvLayout& layout = args.kv.layout;
  const auto n = static_cast<std::int64_t>(args.rows.size());
  const bool with_key = !args.key.empty();
  DSA_CHECK(layout.type == DType::f32 || layout.type == DType::bf16);
  DSA_CHECK(args.c.dim(0) == n && args.c.dim(1) == layout.groups && args.c.dim(2) == layout.rank);
  DSA_CHECK(args.k_pe.dim(0) == n && args.k_pe.dim(1) == layout.groups &&
            args.k_pe.dim(2) == layout.rope_dim);
  DSA_CHECK(!with_key || (args.key.rows() == n && args.key.cols() == layout.index_dim));
  DSA_CHECK(layout.index_dim <= kMaxIndexDim);
  exec.parallel_for(n, 8, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      const KvRow& row = args.rows[static_cast<std::size_t>(t)];
      const std::int64_t position = row.visible - 1;
      const std::int32_t page = row.pages[position / kPageTokens];
      std::byte* to = args.kv.entry(page, position % kPageTokens);
      for (std::int64_t g = 0; g < layout.groups; ++g) {
        to = write_elements(layout.type, args.c.row(t, g), layout.rank, to);
        to = write_elements(layout.type, args.k_pe.row(t, g), layout.rope_dim, to);
      }
      if (with_key) write_key(args.kv, page, position % kPageTokens, args.key.row(t));
    }
  });
}
