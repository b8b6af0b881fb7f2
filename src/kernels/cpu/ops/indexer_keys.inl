// Scores of a page of keys, which lies turned over: a lane is a token, and heads are
// summed in registers.  The float32 form.
// Needs: vec, steps.

/// Asks for the keys a little behind those at `words`, of `count` tokens.  Past a page's end they are mostly
/// the next page's: a sequence's pages mostly follow each other.
inline void fetch_keys(const std::uint32_t* words, int count) {
  constexpr int kAhead = 256, kLine = 16;
  for (int i = 0; i < count; i += kLine) __builtin_prefetch(words + kAhead + i, 0, 2);
}

/// Element kPart of a word, of the tokens from `word` on.
template <class T, int kPart>
inline Vec load_element(const std::uint32_t* word) {
  if constexpr (std::is_same_v<T, float>)
    return load(reinterpret_cast<const float*>(word));
  else
    return load_of_pairs<kPart>(word);
}

/// Keys of type T.
template <class T>
struct FloatKeys {
  static constexpr int kVectors = 2;  // of tokens scored at once

  /// Scores of row t of the queries against the tokens whose first words are `words`.
  static void score(const IndexerSelectArgs& args, std::int64_t t, const std::uint32_t* words,
                    Vec (&score)[kVectors]) {
    const std::int64_t heads = args.q.dim(1), dim = args.q.dim(2), stride = args.q.stride(1);
    const float* q = args.q.row(t, 0);
    const float* w = args.w.row(t);
    score[0] = score[1] = zero();
    in_steps<4, 1>(0, heads, [&]<int NH>(std::int64_t j) {
      add_heads<NH>(q + j * stride, stride, w + j, dim, words, score);
    });
  }

 private:
  /// score += w[j] * relu(q[j] . key) for NH heads, ascending.
  template <int NH>
  static void add_heads(const float* q, std::int64_t q_stride, const float* w, std::int64_t dim,
                        const std::uint32_t* words, Vec (&score)[kVectors]) {
    constexpr std::int64_t kInWord = sizeof(std::uint32_t) / sizeof(T);
    Vec dot[NH][kVectors];
    DSA_UNROLL
    for (int j = 0; j < NH; ++j) dot[j][0] = dot[j][1] = zero();
    const auto add = [&]<int kPart>(std::int64_t d) {
      const Vec k0 = load_element<T, kPart>(words), k1 = load_element<T, kPart>(words + Vec::kLanes);
      DSA_UNROLL
      for (int j = 0; j < NH; ++j) {
        const Vec x = all(q + j * q_stride + d);
        dot[j][0] = fma(x, k0, dot[j][0]);
        dot[j][1] = fma(x, k1, dot[j][1]);
      }
    };
    std::int64_t d = 0;
    for (; d + kInWord <= dim; d += kInWord, words += kPageTokens) {
      fetch_keys(words, kVectors * Vec::kLanes);
      add.template operator()<0>(d);
      if constexpr (kInWord == 2) add.template operator()<1>(d + 1);
    }
    if (d < dim) add.template operator()<0>(d);
    DSA_UNROLL
    for (int j = 0; j < NH; ++j) {
      score[0] = fma(all(w + j), max(zero(), dot[j][0]), score[0]);  // max keeps a NaN of its second operand
      score[1] = fma(all(w + j), max(zero(), dot[j][1]), score[1]);
    }
  }
};

/// Scores of rows [t, t + out.rows()), which share their pages, at positions [first, first + out.cols()), as
/// keys that order like integers (select_keys()).  first is a multiple of kPageTokens.
template <class Keys>
void score_rows_by(const IndexerSelectArgs& args, std::int64_t t, std::int64_t first,
                   TensorView<float, 2> out) {
  const std::int32_t* pages = args.rows[static_cast<std::size_t>(t)].pages + first / kPageTokens;
  for (std::int64_t at = 0; at < out.cols(); at += kPageTokens, ++pages) {
    const auto* page = reinterpret_cast<const std::uint32_t*>(args.kv.key_page(*pages));
    const std::int64_t left = out.cols() - at, tokens = left < kPageTokens ? left : kPageTokens;
    for (std::int64_t r = 0; r < out.rows(); ++r)
      for (std::int64_t i = 0; i < tokens; i += Keys::kVectors * Vec::kLanes) {
        // Of tokens that are not there something is read, and not stored.
        Vec score[Keys::kVectors];
        Keys::score(args, t + r, page + i, score);
        for (std::int64_t v = 0, s = i; v < Keys::kVectors; ++v, s += Vec::kLanes)
          store_part(out.row(r) + at + s, order_keys(score[v]), tokens - s);
      }
  }
}
