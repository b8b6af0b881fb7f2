#include "checkpoint/config_rope.h"

#include "base/error.h"

namespace dsa {
namespace {

constexpr double kDefaultTheta = 10000;  // of all six model types in transformers

RopeConfig::Type read_type(ConfigReader& rope) {
  const std::string type = rope.string("type", ""), rope_type = rope.string("rope_type", type);
  if (!type.empty() && type != rope_type)
    fail("{}: type is \"{}\" and rope_type is \"{}\": they mean the same", rope.who(), printable(type),
         printable(rope_type));
  if (rope_type.empty() || rope_type == "default") return RopeConfig::Type::plain;
  if (rope_type == "linear") return RopeConfig::Type::linear;
  if (rope_type == "llama3") return RopeConfig::Type::llama3;
  if (rope_type == "yarn") return RopeConfig::Type::yarn;
  fail("{}: rope_type is \"{}\", dsa supports only default, linear, llama3, yarn", rope.who(),
       printable(rope_type));
}

// transformers: _compute_{linear_scaling,llama3,yarn}_parameters
void read_scaling(ConfigReader& rope, std::int64_t max_positions, RopeConfig& out) {
  out.type = read_type(rope);
  if (out.type == RopeConfig::Type::plain) return;
  if (out.type == RopeConfig::Type::linear) {
    out.factor = rope.number("factor");
    return;
  }
  out.original_max_position_embeddings = rope.integer("original_max_position_embeddings", max_positions);
  if (out.type == RopeConfig::Type::llama3) {
    out.factor = rope.number("factor");
    out.low_freq_factor = rope.number("low_freq_factor");
    out.high_freq_factor = rope.number("high_freq_factor");
    return;
  }
  if (out.original_max_position_embeddings < 1)
    fail("{}: original_max_position_embeddings is 0, expected at least 1", rope.who());
  out.factor = rope.number("factor", static_cast<double>(max_positions) /
                                         static_cast<double>(out.original_max_position_embeddings));
  out.beta_fast = rope.number("beta_fast", out.beta_fast);
  out.beta_slow = rope.number("beta_slow", out.beta_slow);
  out.mscale = rope.number("mscale", 0);
  out.mscale_all_dim = rope.number("mscale_all_dim", 0);
  if (rope.has("attention_factor")) out.attention_factor = rope.number("attention_factor");
  out.truncate = rope.boolean("truncate", true);
}

RopeConfig read_object(const nlohmann::json& value, std::string who, std::int64_t max_positions,
                       RopeConfig out) {
  ConfigReader rope(value, std::move(who));
  for (const auto& [key, item] : value.items())
    if (item.is_object())
      fail("{}: holds an object for \"{}\": rope by layer type is not supported", rope.who(), printable(key));
  out.theta = rope.number("rope_theta", out.theta);
  rope.expect("partial_rotary_factor", {"1", "1.0"});
  read_scaling(rope, max_positions, out);
  rope.warn_about_the_rest();
  return out;
}

}  // namespace

RopeConfig read_rope(ConfigReader& config, std::int64_t max_position_embeddings) {
  RopeConfig plain;
  plain.theta = config.number("rope_theta", kDefaultTheta);
  config.expect("partial_rotary_factor", {"1", "1.0"});
  const auto* modern = config.find("rope_parameters");
  const auto* old = config.find("rope_scaling");
  if (modern == nullptr && old == nullptr) return plain;

  const auto read = [&](const nlohmann::json& value, const char* key) {
    return read_object(value, config.who() + ": " + key, max_position_embeddings, plain);
  };
  if (old == nullptr) return read(*modern, "rope_parameters");
  RopeConfig out = read(*old, "rope_scaling");
  if (modern != nullptr && read(*modern, "rope_parameters") != out)
    fail("{}: rope_parameters and rope_scaling disagree", config.who());
  return out;
}

}  // namespace dsa
