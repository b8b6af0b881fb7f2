// What tokens cost, by model and by the time of day.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/calendar.h"
#include "accounts/money.h"

namespace dsa::accounts {

/// Of one request: tokens of its prompt that were found in the cache, those that were computed, and those of
/// its answers.
struct TokenCounts {
  std::int64_t hit = 0;
  std::int64_t miss = 0;
  std::int64_t output = 0;

  friend bool operator==(const TokenCounts&, const TokenCounts&) = default;
};

/// Of a million tokens.
struct Price {
  Money hit = 0;
  Money miss = 0;
  Money output = 0;

  friend bool operator==(const Price&, const Price&) = default;
};

/// The exact sum, rounded up to a whole millionth once a request; never more than kMostMoney.
Money cost_of(const TokenCounts& tokens, const Price& price);

/// The announcement's prices, in dollars: V3.2-Exp's for sparse attention, V3.1-Terminus' for dense.
inline constexpr Price kSparsePrice{.hit = 28'000, .miss = 280'000, .output = 420'000};
inline constexpr Price kDensePrice{.hit = 70'000, .miss = 560'000, .output = 1'680'000};

/// All prices of a server.  Immutable: any thread.
class PriceBook {
 public:
  /// The announcement's alone.
  PriceBook() = default;
  /// docs/serving.md, "Prices".  Throws Error that starts with `who` for what is no such table.
  PriceBook(const nlohmann::json& table, std::string_view who);

  /// The model's own, else those of "*", else the announcement's.  A request keeps for good the price that
  /// held when it came.
  [[nodiscard]] const Price& at(const std::string& model, bool sparse, Moment moment) const;
  [[nodiscard]] const std::string& currency() const { return currency_; }

 private:
  struct Band {
    std::array<bool, 7> days{true, true, true, true, true, true, true};  // Sunday first
    std::chrono::minutes from{0}, to{0};                                 // of the day
    Price price;
  };
  struct Tariff {
    Price usual;
    std::vector<Band> bands;  // the first that fits
  };
  static Tariff tariff(const nlohmann::json& table, const std::string& who);
  static Band band(const nlohmann::json& table, const std::string& who);

  std::string currency_ = "USD";
  std::set<Day> holidays_;  // no band holds then
  std::map<std::string, Tariff, std::less<>> tariffs_;
};

}  // namespace dsa::accounts
