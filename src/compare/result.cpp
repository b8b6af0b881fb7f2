#include "compare/result.h"

namespace dsa::compare {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const SideResult& side) {
  Json figures = Json::object();
  for (const Metric& metric : metrics())
    if (const auto found = side.figures.find(metric.name); found != side.figures.end())
      figures[std::string(metric.name)] = found->second;
  Json out{{"finish_reason", side.finish}, {"figures", std::move(figures)}};
  if (!side.code.empty()) out["code"] = side.code;
  out["text"] = side.text;
  return out;
}

SideResult parse_side(const Json& json) {
  SideResult out{.text = json.at("text"),
                 .finish = json.at("finish_reason"),
                 .figures = {},
                 .code = json.value("code", "")};
  for (const auto& [name, value] : json.at("figures").items()) out.figures[name] = value.get<double>();
  return out;
}

Verdict verdict_at(const Json& json, const char* key) {
  return parse_verdict(json.at(key).get<std::string>()).value_or(Verdict::unclear);
}

}  // namespace

Json to_json(const Result& r) {
  Json out{{"id", r.id}, {"set", r.set}, {"digest", r.digest}, {"asked", r.asked}};
  if (r.turns_ago) out["turns_ago"] = *r.turns_ago;
  out["equal"] = !r.first_difference;
  out["first_difference"] = r.first_difference ? Json(*r.first_difference) : Json(nullptr);
  out["a"] = to_json(r.a);
  out["b"] = to_json(r.b);
  if (r.judgement)
    out["judge"] = {{"a_first", name(r.judgement->a_first)}, {"b_first", name(r.judgement->b_first)}};
  return out;
}

std::optional<Result> parse_result(const Json& json) {
  try {
    Result out{.id = json.at("id"),
               .set = json.at("set"),
               .digest = json.at("digest"),
               .asked = json.at("asked"),
               .a = parse_side(json.at("a")),
               .b = parse_side(json.at("b"))};
    if (json.contains("turns_ago")) out.turns_ago = json["turns_ago"].get<std::int64_t>();
    if (!json.at("first_difference").is_null())
      out.first_difference = json["first_difference"].get<std::int64_t>();
    if (json.contains("judge"))
      out.judgement = Judgement{verdict_at(json["judge"], "a_first"), verdict_at(json["judge"], "b_first")};
    return out;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace dsa::compare
