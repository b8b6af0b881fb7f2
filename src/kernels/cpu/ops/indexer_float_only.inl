// A family without BF16 products.
using Bf16Keys = FloatKeys<bf16>;
