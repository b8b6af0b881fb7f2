#include "kernels/dequantize.h"
#include "kernels/ref/ref.h"

namespace dsa {

void ref::embedding(Exec& exec, const EmbeddingArgs& args) {
  DSA_CHECK(args.out.rows() == static_cast<std::int64_t>(args.ids.size()));
  DSA_CHECK(args.out.cols() == args.table.cols);
  exec.parallel_for(args.out.rows(), 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int32_t id = args.ids[t];
      DSA_CHECK(id >= 0 && id < args.table.rows);
      dequantize_row(args.table, id, args.out.span(t));
    }
  });
}

}  // namespace dsa
