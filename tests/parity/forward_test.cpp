// What a forward pass promises besides its numbers: no allocation, damage contained,
// dense and sparse as asked, MTP loadable.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "parity/harness.h"

namespace {
std::atomic<std::int64_t> allocations{0};
}

// Every allocation of this program is counted.  Where GCC inlines one half of these pairs alone it takes
// malloc and free for mismatched.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  const auto a = static_cast<std::size_t>(alignment);
  if (void* p = std::aligned_alloc(a, (size + a - 1) / a * a)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace dsa::parity {
namespace {

std::filesystem::path model(const char* name) { return goldens() / "models" / name; }

TEST(Forward, ADecodeStepAllocatesNothing) {
  for (const char* name : {"llama_gqa", "qwen3", "deepseek_v32", "deepseek_v32_fp8", "glm_moe_dsa_shared"})
    for (const KernelTable* kernels : runnable())
      for (const Compute compute : {Compute::automatic, Compute::f32}) {
        SCOPED_TRACE(std::string(name) + " " + std::string(kernels->name));
        const Golden golden(model(name) / "golden.safetensors");
        Runner runner(model(name), {.kernels = kernels, .model = {.compute = compute, .context = 256}});
        runner.greedy(golden.tokens, 2);
        const auto n = static_cast<std::int64_t>(golden.tokens.size());
        const std::int32_t pages[] = {0, 1, 2, 3, 4, 5, 6, 7}, row = 0;
        std::vector<float> logits(static_cast<std::size_t>(runner.config().vocab_size));
        SequenceStatus status;
        const SequenceSlice slice{.tokens = {&golden.greedy[0], 1},
                                  .first_position = n,
                                  .page_table = pages,
                                  .logits_rows = {&row, 1}};
        const std::int64_t before = allocations.load();
        runner.transformer().forward({.sequences = {&slice, 1}},
                                     {logits.data(), {1, runner.config().vocab_size}}, {&status, 1});
        EXPECT_EQ(allocations.load() - before, 0);
        EXPECT_TRUE(status.ok());
      }
}

TEST(Forward, ANonFiniteLayerIsNamedAndStaysInItsSequence) {
  const Golden golden(model("deepseek_v32") / "golden.safetensors");
  Runner runner(model("deepseek_v32"), {.model = {.context = 512}});
  const std::int64_t vocab = runner.config().vocab_size;
  const std::int32_t pages[] = {0, 1, 2, 3, 4, 5, 6, 7}, row = 9;
  const auto tokens = std::span<const std::int32_t>(golden.tokens).first(10);
  const SequenceSlice slices[] = {{tokens, 0, std::span(pages).first(4), {&row, 1}},
                                  {tokens, 0, std::span(pages).subspan(4), {&row, 1}}};
  std::vector<float> clean(static_cast<std::size_t>(2 * vocab)), hurt(clean.size());
  SequenceStatus status[2];
  runner.transformer().forward({.sequences = slices}, {clean.data(), {2, vocab}}, status);
  EXPECT_TRUE(status[0].ok() && status[1].ok());

  // Row 3 of the second sequence breaks after layer 1.
  runner.transformer().set_hooks(
      {.selection = {}, .routing = {}, .layer_output = [](std::int64_t layer, TensorView<const float, 2> x) {
         if (layer == 1) const_cast<float&>(x(13, 0)) = std::numeric_limits<float>::quiet_NaN();
       }});
  runner.transformer().forward({.sequences = slices}, {hurt.data(), {2, vocab}}, status);
  EXPECT_TRUE(status[0].ok());
  EXPECT_EQ(status[1].bad_layer, 1);
  EXPECT_EQ(status[1].bad_position, 3);
  EXPECT_EQ(std::memcmp(clean.data(), hurt.data(), static_cast<std::size_t>(vocab) * 4), 0)
      << "the other sequence of the batch changed";
}

TEST(Forward, DenseAndSparseDifferOnlyWhereTheSelectionMatters) {
  const Golden golden(model("deepseek_v32") / "golden.safetensors");
  const auto run = [&](LoadOptions options, AttentionMode attention = AttentionMode::automatic) {
    options.compute = Compute::f32;
    options.context = 256;
    return Runner(model("deepseek_v32"), {.model = options, .run = {.attention = attention}})
        .logits(golden.tokens, 64);
  };
  const auto automatic = run({}), sparse = run({}, AttentionMode::sparse),
             dense = run({}, AttentionMode::dense), none = run({.use_indexer = false}),
             all = run({.topk = 500});
  EXPECT_EQ(automatic.values, sparse.values);
  EXPECT_EQ(dense.values, none.values);
  EXPECT_EQ(dense.values, all.values);
  const std::int64_t topk = golden.selected.begin()->second.cols();
  ASSERT_LT(topk, automatic.rows());
  for (std::int64_t t = 0; t < automatic.rows(); ++t) {
    const bool same = std::ranges::equal(automatic.row(t), dense.row(t));
    if (t < topk) {
      EXPECT_TRUE(same) << t;
    }
  }
  EXPECT_GT(worst_difference(dense, automatic), 0.01)
      << "the selection changed nothing: the test shows nothing";
}

TEST(Forward, SparseWithoutAnIndexerIsAnError) {
  EXPECT_THROW(Runner(model("llama_gqa"), {.run = {.attention = AttentionMode::sparse}}), Error);
  EXPECT_THROW(Runner(model("llama_gqa"), {.model = {.topk = 5}}), Error);
  EXPECT_THROW(Runner(model("deepseek_v32"),
                      {.model = {.use_indexer = false}, .run = {.attention = AttentionMode::sparse}}),
               Error);
}

TEST(Forward, CancelledPassesSayso) {
  Runner runner(model("llama_gqa"), {.model = {.context = 64}});
  const std::int32_t token = 1, page = 0;
  const std::atomic<bool> cancel{true};
  const SequenceSlice slice{.tokens = {&token, 1},
                            .first_position = 0,
                            .page_table = {&page, 1},
                            .logits_rows = {},
                            .cancel = &cancel};
  SequenceStatus status;
  runner.transformer().forward({.sequences = {&slice, 1}}, {}, {&status, 1});
  EXPECT_EQ(status.outcome, PassOutcome::cancelled);
}

TEST(Forward, AttentionInputsAreWhatTheLayersComputeWith) {
  for (const char* name : {"llama_gqa", "qwen3", "deepseek_v32"}) {
    SCOPED_TRACE(name);
    const Golden golden(model(name) / "golden.safetensors");
    Runner runner(model(name), {.model = {.compute = Compute::f32, .context = 256}});
    const auto tokens = std::span<const std::int32_t>(golden.tokens).first(20);
    const auto untouched = runner.logits(tokens, 20);
    std::int64_t layers = 0;
    runner.transformer().set_hooks({.attention_inputs = [&](std::int64_t layer, const AttentionInputs& in) {
      EXPECT_EQ(layer, layers++);
      const KvView& kv = runner.transformer().cache().layer(layer);
      ASSERT_EQ(in.h.cols(), runner.config().hidden_size);
      ASSERT_EQ(in.c.shape(), (std::array{std::int64_t{20}, kv.layout.groups, kv.layout.rank}));
      ASSERT_EQ(in.k_pe.shape(), (std::array{std::int64_t{20}, kv.layout.groups, kv.layout.rope_dim}));
      ASSERT_EQ(in.q_pe.dim(1), runner.config().num_attention_heads);
      ASSERT_EQ(in.q_c.empty(), !runner.config().mla.has_value());
      for (std::int64_t t = 0; t < 20; ++t) {
        ASSERT_EQ(in.rows[static_cast<std::size_t>(t)].visible, t + 1);
        const auto* entry = reinterpret_cast<const float*>(
            kv.entry(in.rows[static_cast<std::size_t>(t)].pages[0], t));  // the cache is float32 here
        for (std::int64_t g = 0; g < kv.layout.groups; ++g, entry += kv.layout.rank + kv.layout.rope_dim) {
          EXPECT_EQ(std::memcmp(entry, in.c.row(t, g), static_cast<std::size_t>(kv.layout.rank) * 4), 0);
          EXPECT_EQ(std::memcmp(entry + kv.layout.rank, in.k_pe.row(t, g),
                                static_cast<std::size_t>(kv.layout.rope_dim) * 4),
                    0);
        }
      }
    }});
    EXPECT_EQ(runner.logits(tokens, 20).values, untouched.values);
    EXPECT_EQ(layers, runner.config().num_hidden_layers);

    // The queries shown are the ones that attend: without them every token is attended to alike.
    runner.transformer().set_hooks({.attention_inputs = [&](std::int64_t, const AttentionInputs& in) {
      for (std::int64_t t = 0; t < 20; ++t)
        for (std::int64_t head = 0; head < in.q_pe.dim(1); ++head)
          for (const float& q : in.q_pe.span(t, head)) const_cast<float&>(q) = 0;
    }});
    EXPECT_NE(runner.logits(tokens, 20).values, untouched.values);
  }
}

TEST(Forward, TheIndexQueriesShownAreWhatSelects) {
  const Golden golden(model("deepseek_v32") / "golden.safetensors");
  Runner runner(model("deepseek_v32"), {.model = {.compute = Compute::f32, .context = 256}});
  const auto n = static_cast<std::int64_t>(golden.tokens.size());
  const std::int64_t topk = runner.transformer().topk();
  Exec exec(1);
  std::vector<std::int32_t> idx(static_cast<std::size_t>(n * topk)), count(static_cast<std::size_t>(n));
  std::vector<std::byte> scratch(indexer_scratch_bytes(1, n));
  std::int64_t compared = 0;
  ForwardHooks hooks;
  hooks.attention_inputs = [&](std::int64_t layer, const AttentionInputs& in) {
    kRefKernels.indexer_select(exec, {.q = in.index_q,
                                      .w = in.index_w,
                                      .kv = runner.transformer().cache().layer(layer),
                                      .rows = in.rows,
                                      .topk = topk,
                                      .idx = {idx.data(), {n, topk}},
                                      .count = count,
                                      .scratch = scratch});
  };
  hooks.selection = [&](std::int64_t, TensorView<std::int32_t, 2> selected, std::span<std::int32_t>) {
    for (std::int64_t t = 0; t < n; ++t, ++compared)
      EXPECT_TRUE(std::ranges::equal(
          selected.span(t),
          std::span(idx).subspan(static_cast<std::size_t>(t * topk), static_cast<std::size_t>(topk))));
  };
  runner.transformer().set_hooks(hooks);
  (void)runner.logits(golden.tokens, n);
  EXPECT_EQ(compared, n * runner.config().num_hidden_layers);
}

TEST(Forward, ALoweredTopkIsThatOfALoadWithIt) {
  const Golden golden(model("deepseek_v32") / "golden.safetensors");
  Runner loaded(model("deepseek_v32"), {.model = {.compute = Compute::f32, .topk = 5, .context = 256}});
  Runner lowered(model("deepseek_v32"), {.model = {.compute = Compute::f32, .topk = 12, .context = 256}});
  const auto before = lowered.logits(golden.tokens, 64).values;
  lowered.set_run({.topk = 5});
  const auto five = loaded.logits(golden.tokens, 64).values;
  EXPECT_EQ(lowered.logits(golden.tokens, 64).values, five);
  EXPECT_NE(before, five);
}

TEST(Forward, TheMtpLayerLoads) {
  const ModelFiles files = open_model(model("deepseek_v32_mtp"));
  ASSERT_EQ(files.config.num_nextn_predict_layers, 1);
  Exec exec(1);
  const ModelWeights weights =
      load_weights(files.config, *files.tensors, nullptr, kRefKernels, Compute::f32, exec, LoadMtp::yes);
  ASSERT_TRUE(weights.mtp.has_value());
  EXPECT_EQ(weights.mtp->eh_proj.weight.cols, 2 * files.config.hidden_size);
  EXPECT_FALSE(weights.mtp->layer.indexer.has_value()) << "guesses attend to all of their window";
  EXPECT_TRUE(weights.mtp->layer.moe.has_value());
}

}  // namespace
}  // namespace dsa::parity
