// A family without BF16 products.
// Needs: indexer_keys.

using Bf16Keys = FloatKeys<bf16>;
