// The reference family: one readable scalar function per op, the oracle of every other family.
// Shapes are checked here once per call (DSA_CHECK: the model has checked its files before).
#pragma once

#include "kernels/registry.h"

namespace dsa::ref {

void embedding(Exec& exec, const EmbeddingArgs& args);
void rms_norm(Exec& exec, const RmsNormArgs& args);
void layer_norm(Exec& exec, const LayerNormArgs& args);
void linear(Exec& exec, const LinearArgs& args);
void absorb_query(Exec& exec, const AbsorbQueryArgs& args);
void expand_value(Exec& exec, const ExpandValueArgs& args);
void rope(Exec& exec, const RopeArgs& args);
void swiglu(Exec& exec, const SwigluArgs& args);
void add_rows(Exec& exec, const AddRowsArgs& args);
void gate(Exec& exec, const GateArgs& args);
void cache_write(Exec& exec, const CacheWriteArgs& args);
void indexer_scores(Exec& exec, const IndexerScoresArgs& args);
void indexer_select(Exec& exec, const IndexerSelectArgs& args);
void attention(Exec& exec, const AttentionArgs& args);
std::size_t packed_bytes(const WeightView& weight);
void pack(Exec& exec, const WeightView& weight, std::span<std::byte> out);

}  // namespace dsa::ref
