#include "server/response_items.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/json.h"
#include "server/answer_writer.h"
#include "server/errors.h"

namespace dsa::server {
namespace {

using nlohmann::json;

constexpr std::int64_t kUsualItems = 20;

std::string_view id_prefix(const std::string& type) {
  if (type == "function_call") return "fc_";
  if (type == "function_call_output") return "fco_";
  return type == "reasoning" ? "rs_" : "msg_";
}

json message_of(const json& sent) {
  json out = sent;
  out["type"] = "message";
  if (!out.contains("status")) out["status"] = "completed";
  if (out.contains("content") && out["content"].is_string()) {
    const char* type = out.value("role", "") == "assistant" ? "output_text" : "input_text";
    out["content"] = json::array({{{"type", type}, {"text", out["content"]}}});
  }
  return out;
}

std::int64_t read_limit(std::string_view text) {
  if (text.empty()) return kUsualItems;
  std::int64_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc{} || end != text.data() + text.size() || limit < 1 || limit > kMostItems)
    throw invalid_value("limit", fmt::format("limit is \"{}\", expected a whole number from 1 to {}",
                                             printable(text, 40), kMostItems));
  return limit;
}

bool is_descending(std::string_view text) {
  if (text == "asc") return false;
  if (text.empty() || text == "desc") return true;
  throw invalid_value("order", fmt::format("order is \"{}\", expected asc or desc", printable(text, 40)));
}

}  // namespace

json items_of_input(const json& input, const ServedModel& model) {
  if (input.is_string()) return items_of_input(json::array({{{"role", "user"}, {"content", input}}}), model);
  json out = json::array();
  for (const json& sent : input) {
    const std::string type = sent.contains("type") && sent["type"].is_string() ? sent["type"] : "message";
    json item = type == "message" ? message_of(sent) : sent;
    if (!item.contains("id") || !item["id"].is_string()) item["id"] = new_answer(id_prefix(type), model).id;
    out.push_back(std::move(item));
  }
  return out;
}

HttpAnswer page_of_items(const json& items, const HttpRequest& request) {
  const std::int64_t limit = read_limit(request.query("limit"));
  std::vector<const json*> order;
  for (const json& item : items) order.push_back(&item);
  if (is_descending(request.query("order"))) std::ranges::reverse(order);
  auto from = order.cbegin();
  if (const std::string_view after = request.query("after"); !after.empty()) {
    from = std::ranges::find_if(order, [&](const json* item) { return item->at("id") == after; });
    if (from == order.cend())
      throw invalid_value("after", fmt::format("after is \"{}\", expected the id of an item of this response",
                                               printable(after, 100)));
    ++from;
  }
  const auto to = from + std::min<std::int64_t>(limit, order.cend() - from);
  json data = json::array();
  for (auto at = from; at != to; ++at) data.push_back(**at);
  const auto id = [&](const json& item) { return item.at("id"); };
  const nlohmann::ordered_json out{{"object", "list"},
                                   {"first_id", data.empty() ? json() : id(data.front())},
                                   {"last_id", data.empty() ? json() : id(data.back())},
                                   {"has_more", to != order.cend()},
                                   {"data", std::move(data)}};
  return {.body = json_text(out) + "\n"};
}

}  // namespace dsa::server
