// What docs/adr/0013-no-onednn.md rests on: does oneDNN give a row of a product the same bits whatever rows
// stand beside it, and how fast is it?  Built by hand, no part of dsa:
//   apt-get install libdnnl-dev
//   g++ -O2 -std=c++20 bench/onednn/rows.cpp -o /tmp/rows -ldnnl -lfmt && OMP_NUM_THREADS=2 /tmp/rows
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

using dnnl::memory;
using Type = memory::data_type;

namespace {

constexpr long kRows = 512, kTimes = 9;
const dnnl::engine kEngine(dnnl::engine::kind::cpu, 0);
dnnl::stream stream(kEngine);

struct Types {
  const char* name;
  Type a, b, c;
};

std::size_t bytes(Type type) { return memory::data_type_size(type); }

// c [m, n] = a [m, k] b [k, n], b in the layout that the library likes best.
class Product {
 public:
  Product(long m, long k, long n, const Types& t)
      : a(static_cast<std::size_t>(m * k) * bytes(t.a)), c(static_cast<std::size_t>(m * n) * bytes(t.c)) {
    const memory::desc da({m, k}, t.a, memory::format_tag::ab), db({k, n}, t.b, memory::format_tag::any),
        dc({m, n}, t.c, memory::format_tag::ab);
    const dnnl::matmul::primitive_desc chosen(dnnl::matmul::desc(da, db, dc), kEngine);
    matmul_ = dnnl::matmul(chosen);
    arguments_ = {{DNNL_ARG_SRC, memory(da, kEngine, a.data())},
                  {DNNL_ARG_WEIGHTS, memory(chosen.weights_desc(), kEngine)},
                  {DNNL_ARG_DST, memory(dc, kEngine, c.data())}};
  }
  void weights(memory& plain) {
    dnnl::reorder(plain, arguments_.at(DNNL_ARG_WEIGHTS))
        .execute(stream, plain, arguments_.at(DNNL_ARG_WEIGHTS));
    stream.wait();
  }
  void run() {
    matmul_.execute(stream, arguments_);
    stream.wait();
  }
  std::vector<char> a, c;

 private:
  dnnl::matmul matmul_;
  std::unordered_map<int, memory> arguments_;
};

std::vector<char> random_values(long count, double scale, Type type, std::mt19937& rng) {
  std::normal_distribution<float> normal;
  std::vector<char> out(static_cast<std::size_t>(count) * bytes(type));
  for (long i = 0; i < count; ++i) {
    const float x = normal(rng) * static_cast<float>(scale);
    char* at = out.data() + static_cast<std::size_t>(i) * bytes(type);
    if (type == Type::f32) std::memcpy(at, &x, 4);
    if (type == Type::bf16) std::memcpy(at, reinterpret_cast<const char*>(&x) + 2, 2);
    if (type == Type::u8) *at = static_cast<char>(std::lround(std::abs(x) * 40) & 127);
    if (type == Type::s8) *at = static_cast<char>(std::clamp<long>(std::lround(x * 400), -127, 127));
  }
  return out;
}

double median_gflops(Product& product, double flops) {
  std::vector<double> rates;
  const int calls = std::max(1, static_cast<int>(4e8 / flops));
  for (long i = 0; i < kTimes; ++i) {
    const auto start = std::chrono::steady_clock::now();
    for (int j = 0; j < calls; ++j) product.run();
    rates.push_back(flops * calls / 1e9 /
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::nth_element(rates, rates.begin() + kTimes / 2);
  return rates[kTimes / 2];
}

void measure(long k, long n, const Types& t) {
  std::mt19937 rng(1);
  const auto a = random_values(kRows * k, 1, t.a, rng);
  auto b = random_values(k * n, 0.05, t.b, rng);
  memory plain({{k, n}, t.b, memory::format_tag::ab}, kEngine, b.data());
  Product whole(kRows, k, n, t);
  whole.weights(plain);
  std::ranges::copy(a, whole.a.begin());
  whole.run();
  long differ = 0, compared = 0;
  for (const long m : {1, 2, 3, 7, 16, 64, 100}) {
    Product part(m, k, n, t);
    part.weights(plain);
    const auto row_in = static_cast<std::size_t>(k) * bytes(t.a),
               row_out = static_cast<std::size_t>(n) * bytes(t.c);
    for (long first = 0; first + m <= std::min(kRows, 200L); first += m) {
      std::memcpy(part.a.data(), a.data() + static_cast<std::size_t>(first) * row_in,
                  static_cast<std::size_t>(m) * row_in);
      part.run();
      for (long r = 0; r < m; ++r, ++compared)
        differ += std::memcmp(part.c.data() + static_cast<std::size_t>(r) * row_out,
                              whole.c.data() + static_cast<std::size_t>(first + r) * row_out, row_out) != 0;
    }
  }
  Product one(1, k, n, t);
  one.weights(plain);
  const double flops = 2.0 * static_cast<double>(k) * static_cast<double>(n);
  fmt::print("{:<5} {:>5} x {:<6} {} of {} rows differ; {} rows: {:.0f} GFLOP/s, one row: {:.0f}\n", t.name,
             k, n, differ, compared, kRows, median_gflops(whole, flops * kRows), median_gflops(one, flops));
}

}  // namespace

int main() {
  for (const auto& [k, n] : {std::pair{576L, 1536L}, {1536L, 576L}, {2048L, 2048L}, {7168L, 2048L}})
    for (const Types& t :
         {Types{"f32", Type::f32, Type::f32, Type::f32}, Types{"bf16", Type::bf16, Type::bf16, Type::f32},
          Types{"u8s8", Type::u8, Type::s8, Type::s32}})
      measure(k, n, t);
}
