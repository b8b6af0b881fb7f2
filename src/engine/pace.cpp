#include "engine/pace.h"

#include <algorithm>
#include <cmath>

#include "base/numeric.h"

namespace dsa {
namespace {

constexpr double kFading = 0.1;          // of what was seen, at every look
constexpr double kLeastTokenMs = 0.001;  // noise must not make reading free
constexpr std::int64_t kLeastPiece = 4;  // tokens, where a token of a large one costs so little that they fit
constexpr std::int64_t kLargePiece = 16;                   // tokens
constexpr double kUnknownPrice = 0.4, kLeastPrice = 0.05;  // of a guess
constexpr double kUnknownOwn = 0.2;                        // to make one by the model's own layer
constexpr double kUnknownWeight = 4;                       // in guesses
constexpr double kForgetting = 0.01;                       // of what guesses cost, with every pass without
constexpr std::int64_t kLeastTurn = 64;  // tokens: fewer would read the weights for too little

std::size_t counted(std::int64_t writers, std::size_t most) { return std::min(usize(writers), most - 1); }

}  // namespace

double Pace::Passes::median() const {
  const std::size_t n = std::min(count, kRemembered);
  std::array<double, kRemembered> sorted = ms;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(n / 2);
  std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(n));
  return *middle;
}

double Pace::alone_ms(std::int64_t writers) const {
  const std::size_t wanted = counted(writers, kCounted);
  std::size_t near = wanted;
  while (near > 0 && alone_[near].count == 0) --near;
  if (near == 0) return 0;
  const double ms = alone_[near].median();
  std::size_t far = near - 1;
  while (far > 0 && alone_[far].count == 0) --far;
  if (near == wanted || far == 0) return ms;
  const double slope = (ms - alone_[far].median()) / static_cast<double>(near - far);
  return ms + std::max(slope, 0.0) * static_cast<double>(wanted - near);
}

void Pace::learn(std::int64_t writers, std::int64_t read, double ms) {
  if (read == 0 && writers > 0) {
    Passes& passes = alone_[counted(writers, kCounted)];
    passes.ms[passes.count++ % kRemembered] = ms;
    drafted_ *= 1 - kForgetting;
    drafted_ms_ *= 1 - kForgetting;
    own_ *= 1 - kForgetting;
    own_ms_ *= 1 - kForgetting;
  }
  if (read == 0) return;
  read_ += static_cast<double>(read) - kFading * read_;
  read_ms_ += ms - alone_ms(writers) - kFading * read_ms_;
  if (read >= kLargePiece)
    least_token_ms_ = std::max(
        std::min(least_token_ms_ * (1 + kFading), (ms - alone_ms(writers)) / static_cast<double>(read)),
        kLeastTokenMs);
  if (writers > 0) largest_ = std::max(largest_, read);
}

double Pace::token_alone_ms(std::int64_t writers) const {
  return alone_ms(writers) / static_cast<double>(writers);
}

double Pace::token_ms() const { return std::max(read_ms_ / read_, kLeastTokenMs); }

std::int64_t Pace::piece(std::int64_t writers, std::int64_t readers, std::int64_t most) const {
  const auto within = [&](double ms) {
    return read_ == 0 ? std::int64_t{1} : static_cast<std::int64_t>(std::clamp(ms / token_ms(), 0.0, 1e9));
  };
  if (writers == 0) {
    if (readers < 2 || read_ == 0) return most;
    return std::clamp(within(kTurnMs), std::min(kLeastTurn, most), most);
  }
  if (alone_[counted(writers, kCounted)].count < kEnough) return 0;
  // A token of a small piece costs less than one of a large piece, so it grows by steps.
  const double ms = kStretch * alone_ms(writers + readers) - alone_ms(writers);
  // Reading at all costs something, which would make a small piece ever smaller.
  const auto least =
      static_cast<std::int64_t>(std::clamp(ms / least_token_ms_, 1.0, static_cast<double>(kLeastPiece)));
  return std::min(std::max(within(ms), least), std::min(most, 2 * largest_));
}

// One pass that was held up says no more than that a guess costs all that it could gain.
void Pace::learn_drafts(std::int64_t writers, std::int64_t drafted, double ms) {
  const auto count = static_cast<double>(drafted);
  drafted_ += count - kFading * drafted_;
  drafted_ms_ +=
      std::clamp(ms - alone_ms(writers), 0.0, count * token_alone_ms(writers)) - kFading * drafted_ms_;
}

double Pace::draft_price(std::int64_t writers) const {
  const double token = token_alone_ms(writers);
  if (token == 0) return kUnknownPrice;
  const double price = (drafted_ms_ / token + kUnknownPrice * kUnknownWeight) / (drafted_ + kUnknownWeight);
  return std::max(price, kLeastPrice);
}

void Pace::learn_own(std::int64_t guesses, double ms) {
  const auto count = static_cast<double>(guesses);
  own_ += count - kFading * own_;
  own_ms_ += std::min(ms, count * token_alone_ms(1)) - kFading * own_ms_;
}

double Pace::own_draft_price(std::int64_t writers) const {
  const double token = token_alone_ms(writers);
  const double price =
      token == 0 ? kUnknownOwn : (own_ms_ / token + kUnknownOwn * kUnknownWeight) / (own_ + kUnknownWeight);
  return draft_price(writers) + price;
}

}  // namespace dsa
