// Products of rows with a page of 64 columns by squares (kernels/cpu/amx.h): C in 0 .. 3, A in 4 and 5, B
// in 6 and 7. Needs: DSA_SQUARES.

inline constexpr int kSquareWords = kSquareBytes / 4;

/// A thread's squares, which it gives back with the object.
class ProductSquares {
 public:
  ProductSquares() = default;
  ProductSquares(const ProductSquares&) = delete;
  ProductSquares& operator=(const ProductSquares&) = delete;
  ~ProductSquares() {
    if (rows_ != 0) square_release();
  }

  /// For A of `rows` rows of `words` words of 32 bits, and B of as many rows of `columns` words, all at most
  /// 16.  What the squares hold is lost if that is new.
  void shape(int rows, int words, int columns = kSquareWords) {
    if (rows == rows_ && words == words_ && columns == columns_) return;
    rows_ = rows, words_ = words, columns_ = columns;
    SquareConfig config;
    for (int i = 0; i < kSquares; ++i) {
      config.rows[i] = static_cast<std::uint8_t>(i < 6 ? rows : words);
      config.row_bytes[i] = static_cast<std::uint16_t>(4 * (i == 4 || i == 5 ? words : columns));
    }
    square_configure(config);
  }

 private:
  int rows_ = 0, words_ = 0, columns_ = 0;
};

/// Queries that products like to take at once; registers that a thread has to hold for them.
inline constexpr std::int64_t kQueryStep = kSquareRows;
using HeldRegisters = ProductSquares;

inline constexpr std::int64_t kPagePitch =
    4 * kPageTokens;  // bytes from a word to the next one of the same column

inline void store_columns(float* c) {
  square_store<0>(c, kPagePitch);
  square_store<1>(c + 16, kPagePitch);
  square_store<2>(c + 32, kPagePitch);
  square_store<3>(c + 48, kPagePitch);
}

/// c[rows][64] = a[rows][pairs] page[pairs][64], where `a` and `page` are pairs of bf16, rows of `a` are
/// a_stride of them apart, and rows <= 16.  Every 16 pairs are one instruction, those that are left another
/// one. Calls meanwhile() for each.
template <class Meanwhile>
void multiply_page(ProductSquares& squares, const std::uint32_t* a, std::int64_t a_stride, int rows,
                   const std::uint32_t* page, std::int64_t pairs, float* c, const Meanwhile& meanwhile) {
  const auto add = [&](std::int64_t k) {
    meanwhile();
    const std::uint32_t* b = page + k * kPageTokens;
    square_load<4>(a + k, 4 * a_stride);
    square_load<6>(b, kPagePitch);
    square_dot_bf16<0, 4, 6>();
    square_load<7>(b + 16, kPagePitch);
    square_dot_bf16<1, 4, 7>();
    square_load<6>(b + 32, kPagePitch);
    square_dot_bf16<2, 4, 6>();
    square_load<7>(b + 48, kPagePitch);
    square_dot_bf16<3, 4, 7>();
  };
  const std::int64_t whole = pairs / kSquareWords * kSquareWords;
  squares.shape(rows, whole > 0 ? kSquareWords : static_cast<int>(pairs));
  square_zero<0>(), square_zero<1>(), square_zero<2>(), square_zero<3>();
  for (std::int64_t k = 0; k < whole; k += kSquareWords) add(k);
  if (whole < pairs) {
    if (whole > 0) {
      store_columns(c);
      squares.shape(rows, static_cast<int>(pairs - whole));
      square_load<0>(c, kPagePitch);
      square_load<1>(c + 16, kPagePitch);
      square_load<2>(c + 32, kPagePitch);
      square_load<3>(c + 48, kPagePitch);
    }
    add(whole);
  }
  store_columns(c);
}
