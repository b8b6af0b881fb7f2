// How a product with stored weights is spread over threads.
// Needs: nothing.

/// Weight rows [first, first + group) of an output, or those that are left, times rows [first_row, first_row
/// + rows) of x.
struct Cell {
  std::int64_t first, first_row, rows;
  bool begins_run;  // the first of those that a thread does one after the other
};

/// Calls body(output, cell) for all cells.  Weights pass by each block
/// of rows in the order in which they lie.
template <class Body>
void for_each_cell(Exec& exec, std::span<const LinearOutput* const> outputs, std::int64_t group,
                   std::int64_t n, std::int64_t row_block, const Body& body) {
  std::int64_t groups = 0;
  for (const LinearOutput* out : outputs) groups += (out->weight.rows + group - 1) / group;
  const std::int64_t cells = groups * ((n + row_block - 1) / row_block);
  const std::int64_t runs = exec.threads() * 8;
  exec.parallel_for(cells, cells < runs ? 1 : cells / runs, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t cell = begin; cell < end; ++cell) {
      const std::int64_t first_row = cell / groups * row_block;
      std::int64_t at = cell % groups;
      const LinearOutput* const* out = outputs.data();
      for (;; ++out) {
        const std::int64_t here = ((*out)->weight.rows + group - 1) / group;
        if (at < here) break;
        at -= here;
      }
      const std::int64_t rows = n - first_row < row_block ? n - first_row : row_block;
      body(**out, Cell{at * group, first_row, rows, cell == begin});
    }
  });
}
