#include "model/mtp.h"

#include <algorithm>

#include "base/numeric.h"

namespace dsa {
namespace {

constexpr std::int64_t kMostRows = 64;  // of a pass, no fewer than places

std::int64_t rows_of(const LoadSizes& sizes) { return std::min(sizes.rows, kMostRows); }
std::int64_t places_of(const LoadSizes& sizes) { return std::min(sizes.rows, Mtp::kPlaces); }
std::int64_t pages_of(const LoadSizes& sizes) { return std::min(sizes.pages(), Mtp::kWindow / kPageTokens); }

KvLayout layout_of(const ModelConfig& config, Compute compute) {
  KvLayout layout = kv_layout(config, 0, compute);
  layout.index_dim = 0;
  return layout;
}

// Where everything lies in one block of memory.
struct Places {
  std::size_t outputs, joined, logits, scratch, entries, end;
};
Places places_in_memory(const ModelConfig& c, Compute compute, const LoadSizes& sizes) {
  const auto floats = [](std::int64_t count) { return usize(ceil_div(count, 16) * 16) * sizeof(float); };
  Places at{};
  at.joined = at.outputs + floats(places_of(sizes) * Mtp::kOutputs * c.hidden_size);
  at.logits = at.joined + floats(rows_of(sizes) * 2 * c.hidden_size);
  at.scratch = at.logits + floats(places_of(sizes) * c.vocab_size);
  at.entries = at.scratch + linear_scratch_bytes(rows_of(sizes), 2 * c.hidden_size);
  at.end = at.entries + usize(places_of(sizes) * pages_of(sizes)) * layout_of(c, compute).page_bytes();
  return at;
}

}  // namespace

std::size_t Mtp::bytes(const ModelConfig& config, Compute compute, const LoadSizes& sizes) {
  return places_in_memory(config, compute, sizes).end;
}

Mtp::Mtp(const Model& model, const LoadSizes& sizes)
    : config_(model.config),
      weights_(model.weights),
      mtp_(*model.weights.mtp),
      rope_(model.rope),
      act_(model.act),
      kernels_(model.kernels),
      exec_(model.exec),
      compute_(model.compute),
      max_rows_(rows_of(sizes)),
      window_pages_(pages_of(sizes)),
      memory_(bytes(config_, compute_, sizes), "the layer that guesses tokens (`speculation`)"),
      block_(mtp_.layer, kv_, config_.num_hidden_layers) {
  const Places at = places_in_memory(config_, compute_, sizes);
  const std::int64_t places = places_of(sizes), hidden = config_.hidden_size;
  const auto matrix = [&](std::size_t offset, std::int64_t rows, std::int64_t cols) {
    return TensorView<float, 2>(reinterpret_cast<float*>(memory_.data() + offset), {rows, cols});
  };
  outputs_ = matrix(at.outputs, places * kOutputs, hidden);
  joined_ = matrix(at.joined, max_rows_, 2 * hidden);
  logits_ = matrix(at.logits, places, config_.vocab_size);
  scratch_ = memory_.bytes().subspan(at.scratch, at.entries - at.scratch);
  kv_ = KvView(layout_of(config_, compute_), memory_.data() + at.entries, places * window_pages_);
  seen_.resize(usize(places));
  for (std::int64_t i = 0; i < places * window_pages_; ++i)
    seen_[usize(i / window_pages_)].pages[usize(i % window_pages_)] = static_cast<std::int32_t>(i);
  pending_.reserve(usize(places));
  const auto rows = usize(max_rows_);
  tokens_.reserve(rows);
  sources_.reserve(rows);
  positions_.reserve(rows);
  rows_.reserve(rows);
  wanted_.reserve(usize(places));
  plan_.reserve(max_rows_);
}

void Mtp::forget(std::int32_t place) {
  Seen& s = seen_[usize(place)];
  s.begin = s.end = s.origin = s.entry = 0;
}

void Mtp::see(std::int32_t place, std::int64_t first, TensorView<const float, 2> x) {
  Seen& s = seen_[usize(place)];
  if (first < s.begin || first > s.end) s.begin = first;
  s.end = first + x.rows();
  s.begin = std::max(s.begin, s.end - kOutputs);
  for (std::int64_t t = std::max(first, s.begin); t < s.end;) {
    const std::int64_t count = std::min(s.end - t, kOutputs - t % kOutputs);
    kernels_.rms_norm(exec_, {.x = x.slice(t - first, count),
                              .weight = weights_.norm,
                              .eps = static_cast<float>(config_.rms_norm_eps),
                              .y = outputs_.slice(output_row(place, t), count)});
    t += count;
  }
}

std::int32_t Mtp::output_row(std::int32_t place, std::int64_t at) {
  return static_cast<std::int32_t>(place * kOutputs + at % kOutputs);
}

// Token t's entry needs the model's output there and token t + 1: the last token has none.
bool Mtp::prepare(const Ask& ask) {
  Seen& s = seen_[usize(ask.place)];
  const std::int64_t end = std::ssize(ask.tokens) - 1, wanted = std::ssize(ask.guesses);
  DSA_CHECK(wanted >= 1 && wanted <= kPageTokens);
  if (s.begin >= end || s.end < end) return false;
  s.entry = std::min(s.entry, end - 1);
  if (s.entry < s.begin) s.origin = s.entry = s.begin;
  // The window slides by whole pages; angles are those of the text, so that entries stay what they are.
  while (end - 1 + wanted - s.origin > window_pages_ * kPageTokens) {
    s.origin += kPageTokens;
    std::rotate(s.pages.begin(), s.pages.begin() + 1, s.pages.begin() + window_pages_);
  }
  s.entry = std::max(s.entry, s.origin);
  return true;
}

void Mtp::guess(std::span<Ask> asks) {
  pending_.clear();
  std::int64_t rows = 0;
  for (Ask& ask : asks) {
    ask.made = 0;
    if (!prepare(ask)) continue;
    pending_.push_back({.ask = &ask, .output = 0});
    ask.read = std::ssize(ask.tokens) - 1 - seen_[usize(ask.place)].entry;
    rows += ask.read;
  }
  if (rows > max_rows_) catch_up();
  for (const Pending& p : pending_) add_entries(p, std::ssize(p.ask->tokens) - 1);
  run(outputs_);
  say();
  while (true) {
    std::erase_if(pending_, [](const Pending& p) { return p.ask->made == std::ssize(p.ask->guesses); });
    if (pending_.empty()) return;
    for (const Pending& p : pending_) {
      const std::int64_t at = std::ssize(p.ask->tokens) - 2 + p.ask->made;
      add_row(p.ask->place, at, p.ask->guesses[usize(p.ask->made - 1)], p.output);
      wanted_.push_back(static_cast<std::int32_t>(std::ssize(tokens_) - 1));
    }
    run(act_.last);
    say();
  }
}

// All entries but each sequence's newest, where they are too many for one pass.
void Mtp::catch_up() {
  for (const Pending& p : pending_) {
    const std::int64_t end = std::ssize(p.ask->tokens) - 2;
    while (seen_[usize(p.ask->place)].entry < end) {
      add_entries(p, std::min(end, seen_[usize(p.ask->place)].entry + max_rows_));
      wanted_.clear();
      run(outputs_);
      clear_rows();
    }
  }
}

void Mtp::add_entries(const Pending& p, std::int64_t end) {
  Seen& s = seen_[usize(p.ask->place)];
  for (; s.entry < end; ++s.entry)
    add_row(p.ask->place, s.entry, p.ask->tokens[usize(s.entry + 1)], output_row(p.ask->place, s.entry));
  wanted_.push_back(static_cast<std::int32_t>(std::ssize(tokens_) - 1));
}

void Mtp::add_row(std::int32_t place, std::int64_t at, std::int32_t next, std::int32_t source) {
  const Seen& s = seen_[usize(place)];
  tokens_.push_back(next);
  sources_.push_back(source);
  positions_.push_back(at);
  rows_.push_back({.pages = s.pages.data(), .visible = at - s.origin + 1});
}

void Mtp::clear_rows() {
  tokens_.clear();
  sources_.clear();
  positions_.clear();
  rows_.clear();
}

// The residual stream after the layer, of rows that read `source`'s.
void Mtp::run(TensorView<const float, 2> source) {
  const std::int64_t n = std::ssize(tokens_), hidden = config_.hidden_size;
  plan_.clear();
  plan_.add({.tokens = tokens_, .page_table = {}, .logits_rows = {}}, {.attention = AttentionMode::dense},
            /*layers=*/1);
  plan_.enter(0);
  const ForwardHooks nobody;
  double indexer_ms = 0;
  const Step step{.exec = exec_,
                  .kernels = kernels_,
                  .config = config_,
                  .act = act_,
                  .hooks = nobody,
                  .plan = plan_,
                  .compute = compute_,
                  .n = n,
                  .rows = rows_,
                  .indexer_ms = indexer_ms};
  const auto x = step.of(act_.x), h = step.of(act_.h), joined = step.of(joined_);
  kernels_.rope_angles(exec_, rope_.angles(positions_, step.of(act_.cos_sin)));
  kernels_.gather_rows(exec_, {.x = source, .rows = sources_, .y = h});
  kernels_.embedding(exec_, {.table = weights_.embed_tokens.weight, .ids = tokens_, .out = x});
  step.rms_norm(x, mtp_.enorm, columns(joined, 0, hidden));
  step.rms_norm(h, mtp_.hnorm, columns(joined, hidden, hidden));
  kernels_.linear(exec_, {.x = joined,
                          .outputs = std::array{output(mtp_.eh_proj, x)},
                          .compute = compute_,
                          .scratch = scratch_});
  block_.forward(step);
}

// The best token of each pending ask's wanted row.
void Mtp::say() {
  const std::int64_t count = std::ssize(wanted_);
  const auto last = act_.last.slice(0, count), logits = logits_.slice(0, count);
  kernels_.gather_rows(exec_, {.x = act_.x, .rows = wanted_, .y = last});
  kernels_.rms_norm(
      exec_, {.x = last, .weight = mtp_.norm, .eps = static_cast<float>(config_.rms_norm_eps), .y = last});
  kernels_.linear(exec_, {.x = last,
                          .outputs = std::array{output(weights_.lm_head, logits)},
                          .compute = compute_,
                          .scratch = act_.linear_scratch});
  for (std::int64_t i = 0; i < count; ++i) {
    Pending& p = pending_[usize(i)];
    p.output = static_cast<std::int32_t>(i);
    const auto row = logits.span(i);
    p.ask->guesses[usize(p.ask->made++)] =
        static_cast<std::int32_t>(std::ranges::max_element(row) - row.begin());
  }
  wanted_.clear();
  clear_rows();
}

}  // namespace dsa
