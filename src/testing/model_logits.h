// For tests: what a model answers.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/numeric.h"
#include "model/transformer.h"

namespace dsa::test {

/// Logits [tokens, vocab] of the first 64 positions at most, one token a pass.
inline std::vector<float> logits_of(const ModelFiles& files, Exec& exec, Compute compute,
                                    std::span<const std::int32_t> tokens) {
  Transformer model(files, {.compute = compute, .context = 64, .chunk = 1}, choose_kernels(), exec);
  const auto vocab = usize(files.config.vocab_size);
  const std::array<std::int32_t, 1> page{0}, wanted{0};
  std::vector<float> logits(tokens.size() * vocab);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const SequenceSlice slice{.tokens = tokens.subspan(i, 1),
                              .first_position = static_cast<std::int64_t>(i),
                              .page_table = page,
                              .logits_rows = wanted};
    SequenceStatus status;
    model.forward({.sequences = {&slice, 1}}, {logits.data() + i * vocab, {1, files.config.vocab_size}},
                  {&status, 1});
    EXPECT_TRUE(status.ok()) << "layer " << status.bad_layer;
  }
  return logits;
}

}  // namespace dsa::test
