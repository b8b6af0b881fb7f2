// make_v32_folder FOLDER [LAYERS DENSE]: fills it with a DeepSeek-V3.2 checkpoint without data:
// the whole model, or LAYERS of its layers, the first DENSE of them with a dense MLP.
// Prints the bytes that its files seem to hold.
#include <cstdio>
#include <cstdlib>

#include "testing/sparse_v32.h"

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    std::fprintf(stderr, "usage: %s FOLDER [LAYERS DENSE]\n", argv[0]);
    return 2;
  }
  dsa::V32Size size;
  if (argc == 4) size = {.layers = std::atoll(argv[2]), .dense_layers = std::atoll(argv[3]), .mtp = false};
  dsa::write_sparse_v32(argv[1], size);
  std::size_t bytes = 0;
  for (const auto& t : dsa::V32Plan(size).tensors)
    bytes += *dsa::storage_bytes(t.type, dsa::elements(t.shape));
  std::printf("%zu\n", bytes);
  return 0;
}
