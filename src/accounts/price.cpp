#include "accounts/price.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/json.h"

namespace dsa::accounts {
namespace {

using nlohmann::json;
using std::chrono::minutes;

constexpr std::int64_t kPerPrice = 1'000'000;  // tokens
constexpr Money kMostPrice = 1'000'000 * kMoneyUnit;

void check_keys(const json& table, std::initializer_list<std::string_view> known, const std::string& who) {
  if (!table.is_object()) fail("{}: expected a table", who);
  for (const auto& [key, value] : table.items())
    if (std::ranges::find(known, key) == known.end()) fail("{}: there is no \"{}\"", who, printable(key));
}

// A price may be typed as a number, which a double holds to more than six digits.
Money amount(const json& table, const char* name, const std::string& who) {
  const auto found = table.find(name);
  std::optional<Money> value;
  if (found != table.end() && found->is_string()) value = parse_money(found->get<std::string>());
  if (found != table.end() && found->is_number()) {
    const double micro = found->get<double>() * static_cast<double>(kMoneyUnit);
    if (micro >= 0 && micro <= static_cast<double>(kMostPrice) && std::abs(micro - std::round(micro)) < 1e-3)
      value = std::llround(micro);
  }
  if (!value || *value > kMostPrice)
    fail("{}: {} is {}, expected what a million tokens cost: 0 to {}, at most six digits behind the point",
         who, name, found == table.end() ? "missing" : printable(json_text(*found), 40),
         kMostPrice / kMoneyUnit);
  return *value;
}

Price price_of(const json& table, const std::string& who) {
  return {.hit = amount(table, "hit", who),
          .miss = amount(table, "miss", who),
          .output = amount(table, "output", who)};
}

// "09:30", "24:00".
minutes time_of(const json& table, const char* name, const std::string& who) {
  const auto found = table.find(name);
  const bool typed = found != table.end() && found->is_string();
  const std::string text = typed ? found->get<std::string>() : std::string();
  int hour = -1, minute = -1;
  if (text.size() == 5 && text[2] == ':') {
    const char* at = text.data();
    if (std::from_chars(at, at + 2, hour).ptr != at + 2) hour = -1;
    if (std::from_chars(at + 3, at + 5, minute).ptr != at + 5) minute = -1;
  }
  const minutes time(hour * 60 + minute);
  if (hour < 0 || minute < 0 || minute >= 60 || time > minutes(24 * 60))
    fail("{}: {} is \"{}\", expected a time of day in UTC, \"09:30\"", who, name, printable(text, 40));
  return time;
}

const json& list_of(const json& list, const std::string& who) {
  if (!list.is_array()) fail("{}: expected a list", who);
  return list;
}

}  // namespace

Money cost_of(const TokenCounts& tokens, const Price& price) {
  using Wide = __int128;
  const Wide sum =
      Wide{tokens.hit} * price.hit + Wide{tokens.miss} * price.miss + Wide{tokens.output} * price.output;
  const Wide rounded = (sum + kPerPrice - 1) / kPerPrice;
  return rounded > kMostMoney ? kMostMoney : static_cast<Money>(rounded);
}

PriceBook::PriceBook(const json& table, std::string_view who) {
  const std::string prices(who);
  if (!table.is_object()) fail("{}: expected a table", prices);
  for (const auto& [name, value] : table.items()) {
    if (name == "currency") {
      const std::string word = value.is_string() ? value.get<std::string>() : std::string();
      const bool plain = std::ranges::all_of(word, [](char c) { return c >= 'A' && c <= 'Z'; });
      if (word.size() != 3 || !plain)
        fail("{}: currency is {}, expected three letters: \"USD\"", prices, printable(json_text(value), 40));
      currency_ = word;
    } else if (name == "holidays") {
      for (const json& one : list_of(value, prices + ".holidays")) {
        const auto day = parse_day(one.is_string() ? one.get<std::string>() : std::string());
        if (!day)
          fail("{}.holidays: {} is no day, expected \"2026-01-01\"", prices, printable(json_text(one), 40));
        holidays_.insert(*day);
      }
    } else {
      tariffs_.emplace(name, tariff(value, fmt::format("{}.{}", prices, printable(name))));
    }
  }
}

PriceBook::Tariff PriceBook::tariff(const json& table, const std::string& who) {
  check_keys(table, {"hit", "miss", "output", "bands"}, who);
  Tariff out{.usual = price_of(table, who), .bands = {}};
  if (table.contains("bands"))
    for (const json& one : list_of(table["bands"], who + ".bands"))
      out.bands.push_back(band(one, who + ".bands"));
  return out;
}

PriceBook::Band PriceBook::band(const json& table, const std::string& who) {
  constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  check_keys(table, {"days", "from", "to", "hit", "miss", "output"}, who);
  Band out{
      .from = time_of(table, "from", who), .to = time_of(table, "to", who), .price = price_of(table, who)};
  if (out.from >= out.to)
    fail("{}: it begins when it has ended: past midnight are two bands, the second from \"00:00\"", who);
  if (!table.contains("days")) return out;
  out.days.fill(false);
  for (const json& one : list_of(table["days"], who + ".days")) {
    const auto* day = std::ranges::find(kDays, one.is_string() ? one.get<std::string>() : std::string());
    if (day == kDays.end())
      fail("{}.days: {} is no day, expected one of sun, mon, tue, wed, thu, fri, sat", who,
           printable(json_text(one), 40));
    out.days[static_cast<std::size_t>(day - kDays.begin())] = true;
  }
  return out;
}

const Price& PriceBook::at(const std::string& model, bool sparse, Moment moment) const {
  auto found = tariffs_.find(model);
  if (found == tariffs_.end()) found = tariffs_.find("*");
  if (found == tariffs_.end()) return sparse ? kSparsePrice : kDensePrice;
  const Tariff& tariff = found->second;
  const Day day = day_of(moment);
  if (holidays_.contains(day)) return tariff.usual;
  const auto time = moment - day;
  for (const Band& band : tariff.bands)
    if (band.days[std::chrono::weekday(day).c_encoding()] && time >= band.from && time < band.to)
      return band.price;
  return tariff.usual;
}

}  // namespace dsa::accounts
