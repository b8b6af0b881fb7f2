// linear of a family with BF16 products.
// Needs: linear_cells, linear_bf16, linear_fp8.

enum class Arithmetic : std::uint8_t { bf16, fp8, other };

inline Arithmetic arithmetic_of(DType type, Compute compute) {
  if (compute == Compute::f32) return Arithmetic::other;
  if (type == DType::bf16) return compute == Compute::demo ? Arithmetic::other : Arithmetic::bf16;
  return type == DType::f8_e4m3 ? Arithmetic::fp8 : Arithmetic::other;
}

/// FP8 and BF16 outputs here, the others as the float32 family has them.
void linear(Exec& exec, const LinearArgs& args) {
  if (args.x.rows() == 0) return;
  for_each_kind(
      args.outputs, {Arithmetic::bf16, Arithmetic::fp8, Arithmetic::other},
      [&](DType type) { return arithmetic_of(type, args.compute); },
      [&](Arithmetic kind, std::span<const LinearOutput* const> outputs) {
        if (kind == Arithmetic::bf16) linear_bf16(exec, args, outputs);
        if (kind == Arithmetic::fp8) linear_fp8(exec, args, outputs);
        if (kind == Arithmetic::other) linear_by(avx512::linear, exec, args, outputs);
      });
}
