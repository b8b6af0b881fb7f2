// Blocks of keys turned over, so that a lane is a token and heads are summed in registers: the float32 form.

/// What a call scores with.
struct IndexerQueries {
  TensorView<const float, 3> q;
  TensorView<const float, 2> w;
  const KvView& kv;
  std::span<const KvRow> rows;
  Compute compute;
};

/// A block of keys of type T and the scores against it.  Blocks start at multiples of kTokens: they never
/// leave a page.
template <class T>
struct FloatKeys {
  static constexpr std::int64_t kTokens = 2 * Vec::kLanes;
  static constexpr int kVectors = 2;

  /// Keys of tokens first .. first + count of a row's sequence.
  void turn(const KvView& kv, const KvRow& row, std::int64_t first, std::int64_t count, std::int64_t dim) {
    const auto* keys =
        reinterpret_cast<const T*>(kv.key(row.pages[first / kPageTokens], first % kPageTokens));
    for (std::int64_t half = 0; half < kTokens; half += Vec::kLanes)
      for (std::int64_t d = 0; d < dim; d += Vec::kLanes) {
        Vec x[Vec::kLanes];
        for (std::int64_t i = 0; i < Vec::kLanes; ++i)
          x[i] = half + i < count ? load_part(keys + (half + i) * dim + d, dim - d) : zero();
        transpose(x);
        for (std::int64_t i = 0; i < Vec::kLanes && d + i < dim; ++i)
          store(turned + (d + i) * kTokens + half, x[i]);
      }
  }

  /// Of row t of the queries, against all tokens of the block.
  void score(const IndexerQueries& in, std::int64_t t, Vec (&score)[kVectors]) const {
    const std::int64_t heads = in.q.dim(1), dim = in.q.dim(2), stride = in.q.stride(1);
    const float* q = in.q.row(t, 0);
    const float* w = in.w.row(t);
    score[0] = score[1] = zero();
    std::int64_t j = 0;
    for (; j + 4 <= heads; j += 4) add_heads<4>(q + j * stride, stride, w + j, dim, score);
    for (; j < heads; ++j) add_heads<1>(q + j * stride, stride, w + j, dim, score);
  }

 private:
  /// score += w[j] * relu(q[j] . key) for NH heads, ascending.
  template <int NH>
  void add_heads(const float* q, std::int64_t q_stride, const float* w, std::int64_t dim,
                 Vec (&score)[kVectors]) const {
    Vec dot[NH][kVectors];
    DSA_UNROLL
    for (int j = 0; j < NH; ++j) dot[j][0] = dot[j][1] = zero();
    for (std::int64_t d = 0; d < dim; ++d) {
      const Vec k0 = load(turned + d * kTokens), k1 = load(turned + d * kTokens + Vec::kLanes);
      DSA_UNROLL
      for (int j = 0; j < NH; ++j) {
        const Vec x = all(q + j * q_stride + d);
        dot[j][0] = fma(x, k0, dot[j][0]);
        dot[j][1] = fma(x, k1, dot[j][1]);
      }
    }
    DSA_UNROLL
    for (int j = 0; j < NH; ++j) {
      score[0] = fma(all(w + j), max(zero(), dot[j][0]), score[0]);  // max keeps a NaN of its second operand
      score[1] = fma(all(w + j), max(zero(), dot[j][1]), score[1]);
    }
  }

  alignas(64) float turned[kMaxIndexDim * kTokens];  // [dim][kTokens]; tokens that are not there are 0
};
