// How a product with stored weights is spread over arithmetics and threads, and how its sums become outputs.
// Needs: vec.

inline constexpr std::size_t kMostOutputs = 16;  // taken at once; no caller has more than a few

/// Calls product(kind, outputs) for the outputs that have rows, those of one kind together.
template <class Kind, class KindOf, class Product>
void for_each_kind(std::span<const LinearOutput> outputs, std::initializer_list<Kind> kinds,
                   const KindOf& kind_of, const Product& product) {
  while (!outputs.empty()) {
    const auto now = outputs.first(outputs.size() < kMostOutputs ? outputs.size() : kMostOutputs);
    outputs = outputs.subspan(now.size());
    for (const Kind kind : kinds) {
      const LinearOutput* some[kMostOutputs];
      std::size_t count = 0;
      for (const LinearOutput& out : now)
        if (out.weight.rows > 0 && kind_of(out.weight.type) == kind) some[count++] = &out;
      if (count > 0) product(kind, std::span<const LinearOutput* const>(some, count));
    }
  }
}

/// These outputs as another family has them.
inline void linear_by(void (*linear)(Exec&, const LinearArgs&), Exec& exec, LinearArgs args,
                      std::span<const LinearOutput* const> outputs) {
  LinearOutput copies[kMostOutputs];
  for (std::size_t i = 0; i < outputs.size(); ++i) copies[i] = *outputs[i];
  args.outputs = {copies, outputs.size()};
  linear(exec, args);
}

/// Weight rows [first, first + group) of an output, or those that are left, times rows [first_row, first_row
/// + rows) of x.
struct Cell {
  std::int64_t first, first_row, rows;
  bool begins_run;  // the first of those that a thread does one after the other
};

/// The cells of some outputs, numbered.  Weights pass by each block of rows in the order in which they lie.
struct Cells {
  std::span<const LinearOutput* const> outputs;
  std::int64_t group, n, row_block;
  std::int64_t groups = 0;

  Cells(std::span<const LinearOutput* const> of, std::int64_t group_rows, std::int64_t rows,
        std::int64_t block)
      : outputs(of), group(group_rows), n(rows), row_block(block) {
    for (const LinearOutput* out : outputs) groups += groups_of(*out);
  }
  [[nodiscard]] std::int64_t groups_of(const LinearOutput& out) const {
    return (out.weight.rows + group - 1) / group;
  }
  [[nodiscard]] std::int64_t count() const { return groups * ((n + row_block - 1) / row_block); }

  /// Calls body(output, cell) for cells [begin, end).
  template <class Body>
  void each(std::int64_t begin, std::int64_t end, const Body& body) const {
    for (std::int64_t cell = begin; cell < end; ++cell) {
      const std::int64_t first_row = cell / groups * row_block;
      std::int64_t at = cell % groups;
      const LinearOutput* const* out = outputs.data();
      for (; at >= groups_of(**out); ++out) at -= groups_of(**out);
      const std::int64_t rows = n - first_row < row_block ? n - first_row : row_block;
      body(**out, Cell{at * group, first_row, rows, cell == begin});
    }
  }
};

/// Calls body(output, cell) for all cells.
template <class Body>
void for_each_cell(Exec& exec, const Cells& cells, const Body& body) {
  const std::int64_t count = cells.count(), runs = exec.threads() * 8;
  exec.parallel_for(count, count < runs ? 1 : count / runs,
                    [&](std::int64_t begin, std::int64_t end, int) { cells.each(begin, end, body); });
}

/// Asks for rows [first, first + count) of a weight, or as many as there are.
inline void fetch_rows(const WeightView& w, std::int64_t first, std::int64_t count) {
  if (count > w.rows - first) count = w.rows - first;
  const std::byte* from = w.data + static_cast<std::size_t>(first) * w.row_bytes;
  for (std::int64_t b = 0; b < count * static_cast<std::int64_t>(w.row_bytes); b += 64)
    __builtin_prefetch(from + b, 0, 2);
}

/// Weight rows that are taken at once; the last one to three of a weight are, one by one.
inline constexpr int kDotRows = 4;

/// Four outputs of a row, or one: the lanes' sums, by one tree whether others stand beside them or not, and
/// the bias.
template <int NR>
void finish_outputs(const Vec (&sums)[NR], std::span<const float> bias, std::int64_t first, float* y) {
  static_assert(NR == kDotRows || NR == 1);
  if constexpr (NR == 1) {
    const Vec alone[kDotRows] = {sums[0], zero(), zero(), zero()};
    float out[kDotRows];
    store_sums(alone, out);
    *y = out[0];
  } else {
    store_sums(sums, y);
  }
  if (bias.empty()) return;
  DSA_UNROLL
  for (int c = 0; c < NR; ++c) y[c] += bias[static_cast<std::size_t>(first + c)];
}

/// Outputs [first, first + width), at most kDotRows of them, of rows of x from first_row on, each from a
/// vector of its lanes' sums, `stride` floats from row to row.
inline void finish_cell(const float* acc, std::int64_t stride, const LinearOutput& out, std::int64_t first,
                        std::int64_t width, std::int64_t first_row, std::int64_t rows) {
  const auto finish = [&]<int NR>(std::int64_t r, std::int64_t c) {
    Vec sums[NR];
    DSA_UNROLL
    for (int i = 0; i < NR; ++i) sums[i] = load(acc + r * stride + (c + i) * Vec::kLanes);
    finish_outputs<NR>(sums, out.bias, first + c, out.y.row(first_row + r) + first + c);
  };
  for (std::int64_t r = 0; r < rows; ++r) {
    if (width == kDotRows) finish.template operator()<kDotRows>(r, 0);
    for (std::int64_t c = 0; width < kDotRows && c < width; ++c) finish.template operator()<1>(r, c);
  }
}
