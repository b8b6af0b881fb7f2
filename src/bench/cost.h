// What a forward pass has to move and to compute at least: the arithmetic behind "share of the ceiling".
#pragma once

#include <cstdint>
#include <string_view>

#include "bench/machine.h"
#include "bench/shape.h"

namespace dsa {

/// Least work of a pass.  Operations: a multiply and an add are two.
struct Cost {
  double bytes = 0;  // read from memory: weights as stored (or packed), cache entries, index keys
  double fp32_ops = 0, bf16_ops = 0, int8_ops = 0;

  Cost& operator+=(const Cost& other);
};

enum class Logits : std::uint8_t { of_every_chunk, of_the_last };

/// `tokens` tokens from position `first` on, `chunk` at a time; logits of one row.  `sequences` of them side
/// by side, whose first `shared` positions (at most `first`) lie in the cache once.
struct Pass {
  std::int64_t first = 0;
  std::int64_t tokens = 1;
  std::int64_t chunk = 1;
  Logits logits = Logits::of_every_chunk;
  std::int64_t sequences = 1;
  std::int64_t shared = 0;
};

/// The same by what it is done for.
struct PassCost {
  Cost weights;    // matrices that every token goes through
  Cost experts;    // routed ones
  Cost head;       // logits
  Cost attention;  // cache entries
  Cost scores;     // of the indexer: index keys

  [[nodiscard]] Cost total() const;
};

/// `topk`: how many tokens a row attends to at most, on average over the layers, divided among them as
/// the model says; 0: all before it.
/// Every weight is read once a chunk (of routed experts as many as the chunk can use); of the cache a chunk
/// reads each visible entry once, or, sparse, the keys of all and at least one row's selection.
/// Products with GGUF blocks and indexer scores count as int8, attention as bf16, the rest as the weights
/// are stored; everything is fp32 under Compute::f32.
PassCost pass_cost(const ModelShape& model, std::int64_t topk, const Pass& pass);

/// What a machine can run out of.
enum class Resource : std::uint8_t { read, fp32, bf16, int8 };
std::string_view name(Resource resource);

/// The time this machine needs for it if nothing is lost: memory and arithmetic overlap,
/// the kinds of arithmetic do not.
struct LeastTime {
  double seconds = 0;
  Resource bound =
      Resource::read;  // what it waits for; of the kinds of arithmetic the one that takes longest
};
LeastTime least_time(const Cost& cost, const Machine& machine);

}  // namespace dsa
