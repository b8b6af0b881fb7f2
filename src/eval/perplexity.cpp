#include "eval/perplexity.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace dsa {
namespace {

using Clock = std::chrono::steady_clock;

void add(PositionBucket& bucket, std::span<const double> nll) {
  const auto from = static_cast<std::size_t>(std::max<std::int64_t>(bucket.from, 1));
  for (std::size_t p = from; p < std::min(nll.size(), static_cast<std::size_t>(bucket.to)); ++p) {
    bucket.nll += nll[p];
    ++bucket.tokens;
  }
}

void add(PositionBucket& bucket, const PositionBucket& more) {
  DSA_CHECK(bucket.from == more.from && bucket.to == more.to);
  bucket.tokens += more.tokens;
  bucket.nll += more.nll;
}

// nll[p] of token p given the tokens before it; nll[0] means nothing.
bool window_nll(SequencePass& pass, const RunOptions& run, std::span<const std::int32_t> tokens,
                std::vector<double>& nll, const SequencePass::VisitProgress& progress,
                const std::atomic<bool>& cancel) {
  nll.assign(tokens.size(), 0);
  const auto visit = [&](std::int64_t first, TensorView<const float, 2> logits) {
    pass.model().exec().parallel_for(logits.rows(), 8, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t r = begin; r < end; ++r) {
        const auto next = static_cast<std::size_t>(first + r + 1);
        if (next < tokens.size()) nll[next] = token_nll(logits.span(r), tokens[next]);
      }
    });
  };
  return pass.run(tokens, run, visit, progress, cancel);
}

}  // namespace

double PositionBucket::perplexity() const {
  return tokens > 0 ? std::exp(nll / static_cast<double>(tokens)) : 0;
}

double Perplexity::tokens_per_second() const {
  return seconds > 0 ? static_cast<double>(windows * all.to) / seconds : 0;
}

void Perplexity::add(const Perplexity& more) {
  if (windows == 0) {
    *this = more;
    return;
  }
  windows += more.windows;
  dsa::add(all, more.all);
  dsa::add(second_half, more.second_half);
  for (std::size_t i = 0; i < by_position.size(); ++i) dsa::add(by_position[i], more.by_position[i]);
  const auto append = [](std::vector<double>& to, const std::vector<double>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(window_nll, more.window_nll);
  append(window_second_half_nll, more.window_second_half_nll);
  seconds += more.seconds;
}

PerplexityGap perplexity_gap(const Perplexity& of, const Perplexity& above, TextPart part) {
  const auto percent = [](double nll) { return 100 * std::expm1(nll); };
  const auto mean = [&](const Perplexity& p) {
    const PositionBucket& bucket = part == TextPart::all ? p.all : p.second_half;
    return bucket.tokens > 0 ? bucket.nll / static_cast<double>(bucket.tokens) : 0;
  };
  const auto windows = [&](const Perplexity& p) -> const std::vector<double>& {
    return part == TextPart::all ? p.window_nll : p.window_second_half_nll;
  };
  DSA_CHECK(windows(of).size() == windows(above).size());
  std::vector<double> differences;
  for (std::size_t i = 0; i < windows(of).size(); ++i)
    differences.push_back(windows(of)[i] - windows(above)[i]);
  PerplexityGap gap{.percent = percent(mean(of) - mean(above)), .interval = std::nullopt};
  if (const auto interval = paired_difference(differences).interval)
    gap.interval = Interval{.low = percent(interval->low), .high = percent(interval->high)};
  return gap;
}

double token_nll(std::span<const float> logits, std::int32_t target) {
  const float highest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += static_cast<double>(std::exp(logit - highest));
  return static_cast<double>(highest) - static_cast<double>(logits[static_cast<std::size_t>(target)]) +
         std::log(sum);
}

std::vector<PositionBucket> position_buckets(std::int64_t length) {
  std::vector<PositionBucket> buckets;
  for (std::int64_t from = 0, to = 1024; from < length; from = to, to *= 2)
    buckets.push_back({.from = from, .to = std::min(to, length)});
  return buckets;
}

Perplexity measure_perplexity(SequencePass& pass, const RunOptions& run, std::span<const Document> documents,
                              std::span<const Window> windows, std::int64_t length,
                              const std::function<void(std::int64_t, std::int64_t)>& progress,
                              const std::atomic<bool>& cancel) {
  Perplexity out;
  out.all = {.from = 0, .to = length};
  out.second_half = {.from = length / 2, .to = length};
  out.by_position = position_buckets(length);
  const auto start = Clock::now();
  const auto total = static_cast<std::int64_t>(windows.size()) * length;
  std::vector<double> nll;
  const auto mean_from = [&](std::int64_t first) {
    first = std::max<std::int64_t>(first, 1);
    return std::accumulate(nll.begin() + first, nll.end(), 0.0) /
           static_cast<double>(std::max<std::int64_t>(length - first, 1));
  };
  for (const Window& window : windows) {
    const auto report = [&](std::int64_t done) {
      if (progress) progress(out.windows * length + done, total);
    };
    if (!window_nll(pass, run, tokens_of(documents, window, length), nll, report, cancel)) break;
    ++out.windows;
    add(out.all, nll);
    add(out.second_half, nll);
    for (auto& bucket : out.by_position) add(bucket, nll);
    out.window_nll.push_back(mean_from(0));
    out.window_second_half_nll.push_back(mean_from(length / 2));
  }
  out.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return out;
}

}  // namespace dsa
