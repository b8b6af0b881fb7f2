#include "cost/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/numeric.h"

namespace dsa::cost {
namespace {

constexpr std::array<std::int64_t, 6> kContexts{4096, 8192, 16384, 32768, 65536, 131072};
constexpr std::int64_t kMostDevices = 4096, kMostClients = 1024;
constexpr double kGiga = 1e9;

std::int64_t whole(const Range& range) { return static_cast<std::int64_t>(range.value()); }

// A part of a pass on one device, which has the whole work's bytes and operations by these shares.
struct Share {
  double bytes = 1, ops = 1;
};

class Device {
 public:
  Device(const ModelShape& model, const Hardware& machine) : model_(model), m_(machine) {}

  [[nodiscard]] double seconds(const Cost& cost, DType stored, Share share) const {
    const double bf16 = stored == DType::f8_e4m3 ? m_.fp8_gflop_s.value() : m_.bf16_gflop_s.value();
    const double arithmetic = cost.fp32_ops / m_.fp32_gflop_s.value() + cost.bf16_ops / bf16 +
                              cost.int8_ops / m_.int8_gop_s.value();
    const double read = share.bytes * cost.bytes / m_.read_gb_s.value() / m_.read_share.value();
    return std::max(read, share.ops * arithmetic / m_.arithmetic_share.value()) / kGiga;
  }

  // `dense` and `experts`: the work of the one and of the other; a group splits both.
  [[nodiscard]] double pass(const PassCost& cost, const Cost& experts, const Parallel& p, double split_ops,
                            double experts_ops) const {
    const auto tensor = static_cast<double>(p.tensor);
    const double cache = static_cast<double>(
        std::min(p.tensor, model_.layers.empty() ? 1 : model_.layers.front().cache.groups));
    const auto holders = static_cast<double>(std::max(p.experts, p.tensor));
    const DType stored = model_.layers.empty() ? DType::f32 : model_.layers.front().matrices.front().type;
    return seconds(cost.weights, stored, {1 / tensor, 1 / (tensor * split_ops)}) +
           seconds(experts, stored, {1 / holders, 1 / experts_ops}) +
           seconds(cost.head, model_.head.type, {1 / tensor, 1 / tensor}) +
           seconds(cost.attention, DType::bf16, {1 / cache, 1 / (tensor * split_ops)}) +
           seconds(cost.scores, DType::bf16, {1, 1 / split_ops});
  }

  // `rows`: of one device.  Two sums over a group and two exchanges with the experts a layer; what a
  // context's groups have written goes to all.
  [[nodiscard]] double link(const Parallel& p, double rows, double context_rows, double exchanges) const {
    const double row = static_cast<double>(model_.hidden);
    double bytes = 0, times = 0;
    const auto others = [](std::int64_t n) { return static_cast<double>(n - 1) / static_cast<double>(n); };
    if (p.tensor > 1) {
      bytes += 2 * 2 * others(p.tensor) * rows * row * 2;
      times += 2;
    }
    if (p.experts > 1 && model_.experts > 0) {
      const auto asked = static_cast<double>(std::min(model_.experts_chosen, p.experts));
      bytes += others(p.experts) * rows * asked * row * (1 + 2);  // FP8 there, BF16 back
      times += 2;
    }
    if (p.context > 1 && context_rows > 0) {
      bytes +=
          others(p.context) * context_rows * token_bytes(model_) / static_cast<double>(model_.layers.size());
      times += 1;
    }
    if (times == 0) return 0;
    const auto layers = static_cast<double>(model_.layers.size());
    return layers *
           (bytes / m_.link_gb_s.value() / kGiga + exchanges * times * m_.link_latency_us.value() / 1e6);
  }

 private:
  const ModelShape& model_;
  const Hardware& m_;
};

Corners<Hardware> corners_of(const Hardware& machine) {
  Settings settings;
  settings.machine = machine;
  return {at(settings, Corner::cheap).machine, at(settings, Corner::middle).machine,
          at(settings, Corner::dear).machine};
}

template <class F>
Corners<double> at_corners(const Corners<Hardware>& machine, const F& what) {
  return {what(machine.cheap), what(machine.middle), what(machine.dear)};
}

std::vector<std::pair<std::string, std::int64_t>> attentions(const ModelShape& model) {
  std::vector<std::pair<std::string, std::int64_t>> out{{"dense", 0}};
  if (model.topk > 0) out.emplace_back("sparse", model.topk);
  return out;
}

Pass prompt(const Hardware& machine, std::int64_t first, std::int64_t tokens) {
  return {
      .first = first, .tokens = tokens, .chunk = whole(machine.chunk_tokens), .logits = Logits::of_the_last};
}

void check_memory(const ModelShape& model, const Hardware& machine, std::int64_t context) {
  const double bytes = memory_bytes(model, parallel_of(machine), context, 1);
  if (bytes > machine.memory_gb.value() * kGiga)
    fail(
        "{}: a device needs {:.3g} GB for its weights and {} tokens, and has `machine.memory_gb` {}: take "
        "more devices, and let them share",
        printable(machine.name), bytes / kGiga, context, machine.memory_gb.value());
}

// As many clients at once, of 1, 2, 4, ..., as there is room for.
std::vector<std::int64_t> client_counts(const ModelShape& model, const Settings& s) {
  const std::int64_t context = whole(s.workload.prompt_tokens) + whole(s.workload.answer_tokens);
  std::vector<std::int64_t> out;
  for (std::int64_t n = 1; n <= kMostClients; n *= 2)
    if (n == 1 ||
        memory_bytes(model, parallel_of(s.machine), context, n) <= s.machine.memory_gb.value() * kGiga)
      out.push_back(n);
  return out;
}

}  // namespace

Parallel parallel_of(const Hardware& m) {
  const Parallel p{.devices = whole(m.devices),
                   .tensor = whole(m.tensor_parallel),
                   .context = whole(m.context_parallel),
                   .experts = whole(m.expert_parallel)};
  if (p.tensor * p.context > p.devices || p.experts > p.devices || p.devices % p.tensor != 0)
    fail(
        "{}: `machine.tensor_parallel` {} times `machine.context_parallel` {} and "
        "`machine.expert_parallel` {} must not exceed `machine.devices` {}, which the first divides",
        printable(m.name), p.tensor, p.context, p.experts, p.devices);
  if (p.tensor * p.context * p.experts > 1 && m.link_gb_s.low <= 0)
    fail("{}: devices that share need a link: `machine.link_gb_s` is 0", printable(m.name));
  return p;
}

double prefill_seconds(const ModelShape& model, const Hardware& machine, std::int64_t topk,
                       const Pass& pass) {
  const Parallel p = parallel_of(machine);
  const Device device(model, machine);
  const PassCost cost = pass_cost(model, topk, pass);
  const auto context = static_cast<double>(p.context), all = static_cast<double>(p.tensor) * context;
  const auto tokens = static_cast<double>(pass.tokens);
  const auto chunks = static_cast<double>(ceil_div(pass.tokens, pass.chunk));
  return device.pass(cost, cost.experts, p, context, std::max(all, static_cast<double>(p.experts))) +
         device.link(p, tokens / context, tokens, chunks);
}

double decode_seconds(const ModelShape& model, const Hardware& machine, std::int64_t topk,
                      std::int64_t position, std::int64_t sequences) {
  const Parallel p = parallel_of(machine);
  const Device device(model, machine);
  const std::int64_t own = ceil_div(sequences, p.groups());
  const PassCost cost = pass_cost(model, topk, {.first = position, .sequences = own});
  // All groups' tokens meet at the experts where these are shared by more than a group.
  const bool meet = p.experts > p.tensor;
  const Cost experts =
      meet ? pass_cost(model, topk, {.first = position, .sequences = sequences}).experts : cost.experts;
  return device.pass(cost, experts, p, 1, static_cast<double>(std::max(p.tensor, p.experts))) +
         device.link(p, static_cast<double>(own), 0, 1);
}

double memory_bytes(const ModelShape& model, const Parallel& p, std::int64_t context,
                    std::int64_t sequences) {
  const auto tensor = static_cast<double>(p.tensor);
  const auto own = static_cast<double>(ceil_div(sequences, p.groups()));
  return other_bytes(model) / tensor +
         expert_bytes(model) / static_cast<double>(std::max(p.tensor, p.experts)) +
         own * static_cast<double>(context) * token_bytes(model);
}

std::vector<Prediction> predictions(const ModelShape& model, const Hardware& machine) {
  const Corners<Hardware> corners = corners_of(machine);
  check_memory(model, machine, kContexts.front());
  std::vector<Prediction> out;
  for (const auto& [name, topk] : attentions(model))
    for (const std::int64_t context : kContexts) {
      if (memory_bytes(model, parallel_of(machine), context, 1) > machine.memory_gb.value() * kGiga) continue;
      const auto first = [&, k = topk](const Hardware& m) {
        return prefill_seconds(model, m, k, prompt(m, 0, context));
      };
      const auto further = [&, k = topk](const Hardware& m) {
        return 1000 * decode_seconds(model, m, k, context, 1);
      };
      out.push_back({.attention = name,
                     .context = context,
                     .ttft_s = at_corners(corners, first),
                     .tpot_ms = at_corners(corners, further)});
    }
  return out;
}

Speeds predict(const ModelShape& model, const Settings& s, const std::string& name) {
  const Corners<Hardware> corners = corners_of(s.machine);
  check_memory(model, s.machine, whole(s.workload.prompt_tokens) + whole(s.workload.answer_tokens));
  Speeds out{.source = fmt::format("predicted: {} on {}", printable(name, 300), printable(s.machine.name)),
             .kinds = {}};
  for (const auto& [attention, topk] : attentions(model)) {
    Speed speed{.attention = attention, .prefill = {}, .decode = {}, .batching = {}};
    const std::int64_t chunk = whole(s.machine.chunk_tokens);
    std::vector<std::int64_t> positions{0};
    positions.insert(positions.end(), kContexts.begin(), kContexts.end());
    for (const std::int64_t position : positions) {
      const auto read = at_corners(corners, [&, k = topk](const Hardware& m) {
        return prefill_seconds(model, m, k, prompt(m, position, chunk)) / static_cast<double>(chunk);
      });
      const auto write = at_corners(
          corners, [&, k = topk](const Hardware& m) { return decode_seconds(model, m, k, position, 1); });
      const double middle = static_cast<double>(position) + static_cast<double>(chunk - 1) / 2;
      speed.prefill.push_back({middle, read.cheap, read.middle, read.dear});
      speed.decode.push_back({static_cast<double>(position), write.cheap, write.middle, write.dear});
    }
    const std::int64_t position = whole(s.workload.prompt_tokens) + whole(s.workload.answer_tokens) / 2;
    for (const std::int64_t clients : client_counts(model, s)) {
      const auto gain = at_corners(corners, [&, k = topk](const Hardware& m) {
        return static_cast<double>(clients) * decode_seconds(model, m, k, position, 1) /
               decode_seconds(model, m, k, position, clients);
      });
      speed.batching.push_back(
          {clients,
           {std::min({gain.cheap, gain.middle, gain.dear}), std::max({gain.cheap, gain.middle, gain.dear})}});
    }
    out.kinds.push_back(std::move(speed));
  }
  return out;
}

std::optional<std::int64_t> devices_for(const ModelShape& model, const Hardware& machine, std::int64_t topk,
                                        std::int64_t context, double ttft_s, double tpot_ms) {
  for (std::int64_t n = whole(machine.tensor_parallel); n <= kMostDevices; n *= 2) {
    Hardware m = machine;
    m.devices = static_cast<double>(n);
    m.context_parallel = static_cast<double>(n) / machine.tensor_parallel.value();
    m.expert_parallel = model.experts > 0 ? static_cast<double>(std::min(n, model.experts)) : 1.0;
    if (memory_bytes(model, parallel_of(m), context, 1) > m.memory_gb.value() * kGiga) continue;
    if (prefill_seconds(model, m, topk, prompt(m, 0, context)) <= ttft_s &&
        1000 * decode_seconds(model, m, topk, context, 1) <= tpot_ms)
      return n;
  }
  return std::nullopt;
}

}  // namespace dsa::cost
