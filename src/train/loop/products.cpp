#include "train/loop/products.h"

#include "base/error.h"
#include "kernels/registry.h"

namespace dsa::train {

Products parse_products(std::string_view text) {
  if (text == "f32") return Products::f32;
  if (text != "auto") fail("`compute` {}: expected auto or f32", printable(text));
  return choose_kernels().bf16_products ? Products::bf16 : Products::f32;
}

}  // namespace dsa::train
