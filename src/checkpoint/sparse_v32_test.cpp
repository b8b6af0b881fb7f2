// 92,425 tensors in 163 files, opened in place.
#include "testing/sparse_v32.h"

#include <unistd.h>

#include <chrono>

#include "checkpoint/config_json.h"
#include "checkpoint/open_model.h"
#include "testing/test_files.h"

namespace dsa {
namespace {

// What the process holds now (not the peak, which other tests of the same process may have raised).
long resident_mb() {
  std::ifstream statm("/proc/self/statm");
  long total = 0, resident = 0;
  statm >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE) / (1024 * 1024);
}

TEST(SparseV32, OpensInPlace) {
  const TempFolder folder;
  write_sparse_v32(folder.path());

  const long before = resident_mb();
  const auto start = std::chrono::steady_clock::now();
  const ModelFiles model = open_model(folder.path());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  std::size_t count = 0;
  std::int64_t total = 0, mtp = 0;
  model.tensors->for_each([&](std::string_view name, const StoredTensor& tensor) {
    ++count;
    if (name.ends_with("_scale_inv")) return;
    total += elements(tensor.shape);
    if (name.starts_with("model.layers.61.")) mtp += elements(tensor.shape);
  });
  EXPECT_EQ(count, 92'425U);
  EXPECT_EQ(total, 685'355'329'792);  // 685.36B is what llama.cpp prints for its conversion
  EXPECT_EQ(total - mtp, predicted_parameters(model.config, "test"));
  EXPECT_EQ(model.config.num_nextn_predict_layers, 1);
  const StoredTensor* kv_a =
      model.tensors->find("model.layers.60.self_attn.kv_a_proj_with_mqa.weight_scale_inv");
  ASSERT_NE(kv_a, nullptr);
  EXPECT_EQ(kv_a->shape, (Shape{5, 56}));
  const long held = resident_mb() - before;
  std::printf("opened in %.2f s, holds %ld MB\n", seconds.count(), held);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(held, 250);
#endif
}

}  // namespace
}  // namespace dsa
