#include "cost/settings_toml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/who.h"
#include "cost/file_text.h"

namespace dsa::cost {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr double kMaxPrice = 1e6;  // dollars a million tokens
constexpr std::string_view kAnnouncement = "announcement_prices", kPrice = "price";

class Reader {
 public:
  Reader(Settings& settings, const std::string& who) : settings_(settings), who_(who) {}

  void read(const toml::table& file) {
    if (const toml::node* node = file.get(kAnnouncement)) {
      const auto wanted = node->value_exact<bool>();
      if (!wanted) fail("{}: {}: expected true or false", at(*node), kAnnouncement);
      if (!*wanted) settings_.prices.clear();
    }
    std::set<std::string_view> tables;
    const std::vector<Setting> settings = list_settings(settings_);
    for (const Setting& setting : settings) tables.insert(setting.table);
    for (const auto& [name, node] : file) {
      if (name.str() == kAnnouncement) continue;
      if (name.str() == kPrice)
        prices(node);
      else if (tables.contains(name.str()))
        table(settings, name.str(), node);
      else
        fail("{}: there is no table \"{}\": expected {}, {} or [[price]]", at(node), printable(name.str()),
             fmt::join(tables, ", "), kAnnouncement);
    }
  }

 private:
  [[nodiscard]] std::string at(const toml::node& node) const {
    return fmt::format("{}:{}", who_, node.source().begin.line);
  }

  void table(const std::vector<Setting>& settings, std::string_view name, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) fail("{}: {}: expected a table, [{}]", at(node), name, name);
    for (const auto& [key, value] : *table) {
      const auto found = std::ranges::find_if(
          settings, [&](const Setting& s) { return s.table == name && s.key == key.str(); });
      if (found == settings.end())
        fail("{}: [{}] has no key \"{}\": `print_config` lists those that it has", at(value), name,
             printable(key.str()));
      if (std::string* const* text = std::get_if<std::string*>(&found->value))
        **text = string(value, fmt::format("{}.{}", name, key.str()));
      else
        *std::get<Range*>(found->value) = range(value, *found);
    }
  }

  std::string string(const toml::node& node, std::string_view what) {
    const auto text = node.value_exact<std::string>();
    if (!text) fail("{}: {}: expected a text in quotes", at(node), what);
    return *text;
  }

  // A number, NaN is none.
  std::optional<double> number(const toml::node& node) {
    if (const auto whole = node.value_exact<std::int64_t>()) return static_cast<double>(*whole);
    if (const auto real = node.value_exact<double>(); real && !std::isnan(*real)) return real;
    return std::nullopt;
  }

  double number_within(const toml::node& node, double min, double max, std::string_view what,
                       std::string_view expected) {
    const auto value = number(node);
    if (!value || *value < min || *value > max)
      fail("{}: {}: expected {} from {} to {}{}", at(node), what, expected, min, max,
           value ? fmt::format(", got {}", *value) : "");
    return *value;
  }

  Range range(const toml::node& node, const Setting& setting) {
    const std::string what = fmt::format("{}.{}", setting.table, setting.key);
    const bool one = setting.cheap == Cheap::is_one_figure;
    const std::string_view expected = setting.whole ? "a whole number"
                                      : one         ? "a number"
                                                    : "a number or [low, high]";
    const toml::array* pair = node.as_array();
    if (pair == nullptr) {
      const double value = number_within(node, setting.min, setting.max, what, expected);
      if (setting.whole && value != std::floor(value))
        fail("{}: {}: expected {}, got {}", at(node), what, expected, value);
      return value;
    }
    if (one || pair->size() != 2)
      fail("{}: {}: expected {}, got a list of {}", at(node), what, expected, pair->size());
    const Range range{number_within(*pair->get(0), setting.min, setting.max, what, expected),
                      number_within(*pair->get(1), setting.min, setting.max, what, expected)};
    if (range.low > range.high)
      fail("{}: {}: [{}, {}]: the lower end stands first", at(node), what, range.low, range.high);
    return range;
  }

  void prices(const toml::node& node) {
    const toml::array* list = node.as_array();
    if (list == nullptr) fail("{}: price: expected a list of tables, [[price]]", at(node));
    for (const toml::node& entry : *list) {
      const toml::table* table = entry.as_table();
      if (table == nullptr) fail("{}: price: expected a list of tables, [[price]]", at(entry));
      price(*table);
    }
  }

  void price(const toml::table& table) {
    Price price;
    std::optional<double> miss, output;
    for (const auto& [key, value] : table) {
      const std::string what = fmt::format("price.{}", printable(key.str()));
      const auto dollars = [&, &node = value] {
        return number_within(node, 0, kMaxPrice, what, "dollars a million tokens");
      };
      if (key.str() == "name")
        price.name = string(value, what);
      else if (key.str() == "date")
        price.date = string(value, what);
      else if (key.str() == "hit")
        price.hit = dollars();
      else if (key.str() == "miss")
        miss = dollars();
      else if (key.str() == "output")
        output = dollars();
      else
        fail("{}: {}: there is no such key: name, date, hit, miss, output", at(value), what);
    }
    if (price.name.empty() || !miss || !output) fail("{}: a price needs a name, miss and output", at(table));
    price.miss = *miss;
    price.output = *output;
    const auto known = std::ranges::find(settings_.prices, price.name, &Price::name);
    if (known != settings_.prices.end())
      *known = price;
    else
      settings_.prices.push_back(price);
  }

  Settings& settings_;
  const std::string& who_;
};

}  // namespace

void read_settings_text(Settings& settings, std::string_view text, const std::string& who) {
  if (text.size() > kMaxBytes) fail("{}: is longer than 1 MiB: expected a TOML file of settings", who);
  toml::table file;
  try {
    file = toml::parse(text);
  } catch (const toml::parse_error& error) {
    fail("{}:{}: {}", who, error.source().begin.line, printable(error.description(), 200));
  }
  Settings changed = settings;  // what fails halfway changes nothing
  Reader(changed, who).read(file);
  settings = std::move(changed);
}

void read_settings(Settings& settings, const std::filesystem::path& file) {
  read_settings_text(settings, file_text(file), who(file));
}

std::string range_as_toml(const Range& range) {
  if (range.low == range.high) return fmt::format("{}", range.low);
  return fmt::format("[{}, {}]", range.low, range.high);
}

std::string settings_as_toml(Settings settings) {
  const auto quoted = [](const std::string& text) { return json_text(nlohmann::json(text)); };
  std::string out = "# Every assumption of `dsa cost`.  A range is [low, high].\n";
  // The table of the announcement stands below, as far as it is wanted.
  out += fmt::format("{} = false\n", kAnnouncement);
  std::string_view table;
  for (const Setting& setting : list_settings(settings)) {
    if (setting.table != table) out += fmt::format("\n[{}]\n", setting.table);
    table = setting.table;
    std::string* const* text = std::get_if<std::string*>(&setting.value);
    const std::string value =
        text != nullptr ? quoted(**text) : range_as_toml(*std::get<Range*>(setting.value));
    out += fmt::format("{} = {}  # {}\n", setting.key, value, setting.help);
  }
  for (const Price& price : settings.prices) {
    out += fmt::format("\n[[price]]  # dollars a million tokens\nname = {}\ndate = {}\n", quoted(price.name),
                       quoted(price.date));
    if (price.hit) out += fmt::format("hit = {}\n", *price.hit);
    out += fmt::format("miss = {}\noutput = {}\n", price.miss, price.output);
  }
  return out;
}

}  // namespace dsa::cost
