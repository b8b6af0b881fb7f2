// The ops of one vectorised family, spread over a few files so that they compile side by side.
// Included inside namespace dsa::<family>.

void linear(Exec& exec, const LinearArgs& args);
std::size_t packed_bytes(const WeightView& weight);
void pack(Exec& exec, const WeightView& weight, std::span<std::byte> out);
/// linear's two arithmetics: ggml blocks times int8 activations, and everything in float32.
void linear_tiles(Exec& exec, const LinearArgs& args, std::span<const LinearOutput* const> outputs,
                  const SideCells* side = nullptr);
void linear_dot(Exec& exec, TensorView<const float, 2> x, std::span<const LinearOutput* const> outputs);
void embedding(Exec& exec, const EmbeddingArgs& args);
void absorb_query(Exec& exec, const AbsorbQueryArgs& args);
void expand_value(Exec& exec, const ExpandValueArgs& args);

void rms_norm(Exec& exec, const RmsNormArgs& args);
void layer_norm(Exec& exec, const LayerNormArgs& args);
void rope(Exec& exec, const RopeArgs& args);
void swiglu(Exec& exec, const SwigluArgs& args);
void add_rows(Exec& exec, const AddRowsArgs& args);
void gather_rows(Exec& exec, const GatherRowsArgs& args);
void scale_rows(Exec& exec, const ScaleRowsArgs& args);
void zero_rows(Exec& exec, const ZeroRowsArgs& args);
void mark_not_finite(Exec& exec, const MarkNotFiniteArgs& args);
void cache_write(Exec& exec, const CacheWriteArgs& args);

void indexer_select(Exec& exec, const IndexerSelectArgs& args);
void attention(Exec& exec, const AttentionArgs& args);

/// The rows of the same processor (kernels/rows/row_kernels.h).
extern const RowKernels kRows;
