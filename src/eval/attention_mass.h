// Where dense attention looks: for one query row, what share of it each earlier token gets.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/registry.h"
#include "model/batch.h"

namespace dsa {

/// mass[s] = mean over heads of softmax_s(scale * (q_c . c[s] + q_pe . k_pe[s])), over the entries as the
/// cache holds them, in float32.  Some rows at a time: never a matrix of all rows by all tokens.  Keeps its
/// scratch from call to call; one call at a time.
class AttentionMass {
 public:
  AttentionMass(Exec& exec, const KernelTable& kernels) : exec_(exec), kernels_(kernels) {}

  /// `mass` covers the row's visible tokens and sums to one.  `rank` names the thread, as
  /// Exec::parallel_for's: visits of different rows may overlap.
  using Visit = std::function<void(std::size_t i, std::span<const float> mass, int rank)>;

  /// Visits batch_rows[i] for every i, once each, in no order.  The rows belong to one sequence and ascend;
  /// their entries are in `kv`, the cache of their layer.
  void of_rows(const AttentionInputs& inputs, const KvView& kv, std::span<const std::int64_t> batch_rows,
               const Visit& visit);

 private:
  struct Shape;
  void widen_keys(const KvView& kv, const std::int32_t* pages, const Shape& shape);
  void gather_queries(const AttentionInputs& inputs, std::span<const std::int64_t> batch_rows,
                      const Shape& shape);
  void add_group(std::span<const std::int64_t> visible, std::int64_t group, const Shape& shape);

  Exec& exec_;
  const KernelTable& kernels_;
  std::vector<float> keys_;     // [groups, tokens, width]
  std::vector<float> queries_;  // [groups, rows, heads of a group, width]
  std::vector<float> scores_;   // [rows, heads of a group, tokens] of one group
  std::vector<float> mass_;     // [rows, tokens]
  std::vector<std::byte> scratch_;
};

}  // namespace dsa
