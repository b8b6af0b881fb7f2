// make_v32_folder FOLDER: fills it with a DeepSeek-V3.2 checkpoint without data.
#include <cstdio>

#include "checkpoint/sparse_v32.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  dsa::write_sparse_v32(argv[1], dsa::V32Plan().tensors);
  return 0;
}
