// What decides every number of a training on tasks: kept in its checkpoint, so that a resumed one goes on
// with the same.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "rl/tasks/domain.h"

namespace dsa::rl {

/// Which tasks, and how a model meets them.
struct TaskSettings {
  std::string domains;  // "counting", or "counting@4:2,search:1": with hardest tasks and shares of their own
  std::int64_t easiest = 0, hardest = 2;  // difficulties, drawn evenly
  std::int64_t stretch = 0;               // bytes that a prompt is stretched to at most, drawn evenly
  double stretched = 1;                   // share of the tasks whose prompts are
  std::string style = "both";             // steps, brief, or both by turns
  std::int64_t context = 512;             // tokens of an episode
  std::string attention = "sparse";       // or dense, in training and in play
  std::string indexers = "frozen";        // or train: on the KL over what they select
  double indexer_lr = 1e-4;
  std::int64_t lora = 0;        // rank of what is added to a grouped-query model; 0: every weight is trained
  std::string compute = "f32";  // f32: what is played and what is trained on are the same numbers
  std::int64_t seed = 0;
};

/// Supervised, on solutions or on episodes from a file.
struct SftSettings : TaskSettings {
  std::int64_t batch = 32;  // episodes of a step
  double lr = 1e-3;         // peak; falls to a tenth
  std::int64_t rise = 20;   // steps up to it
  double clip = 1;
  double mixed = 0;                  // share of the solutions that are in two languages
  std::string learns = "solutions";  // or verdicts, about attempts
};

/// By reward.
struct GrpoSettings : TaskSettings {
  std::int64_t tasks = 16;            // of a step
  std::int64_t samples = 8;           // episodes of each
  double again = 0;                   // share of a step's tasks that are played again (TaskOrder)
  std::int64_t message_tokens = 128;  // of one message
  double top_p = 1;                   // of sampling; in training tokens are of what they were chosen from
  std::int64_t updates = 1;           // of the weights in a step, each from its share of the groups
  std::string objective = "v32";      // objective_named()
  double kl = 0;                      // to the model it began with
  double off_policy = 0;              // Objective::off_policy
  double overlong = 0;                // weight of the penalty of a long episode
  double length = 0;                  // weight of being shorter than the rest of the group
  double language = 0;                // weight of the share of English words
  double outcome = 1;                 // weight of the task's own score
  std::string judge;                  // a folder with a model that answers the rubric; "": none
  double judge_weight = 1;            // of its answers, where there is one
  std::string replay = "selections";  // choices made again in training; or recompute
  double lr = 1e-4;
  std::int64_t rise = 10;
  double clip = 1;
  std::int64_t patience = 50;  // steps in a row without a group whose rewards differ: then it gives up
};

template <class Settings, class Visit>
void for_each_task_setting(Settings& s, Visit&& visit) {
  visit("domains", s.domains);
  visit("easiest", s.easiest);
  visit("hardest", s.hardest);
  visit("stretch", s.stretch);
  visit("stretched", s.stretched);
  visit("style", s.style);
  visit("ctx", s.context);
  visit("attention", s.attention);
  visit("indexers", s.indexers);
  visit("indexer-lr", s.indexer_lr);
  visit("lora", s.lora);
  visit("compute", s.compute);
  visit("seed", s.seed);
}
/// The one list of them: visit(name, value) for each, by the name that a person knows it by.
template <class Settings, class Visit>
  requires std::same_as<std::remove_const_t<Settings>, SftSettings>
void for_each_setting(Settings& s, Visit&& visit) {
  for_each_task_setting(s, visit);
  visit("batch", s.batch);
  visit("lr", s.lr);
  visit("rise", s.rise);
  visit("clip", s.clip);
  visit("mixed", s.mixed);
  visit("learns", s.learns);
}
template <class Settings, class Visit>
  requires std::same_as<std::remove_const_t<Settings>, GrpoSettings>
void for_each_setting(Settings& s, Visit&& visit) {
  for_each_task_setting(s, visit);
  visit("tasks", s.tasks);
  visit("samples", s.samples);
  visit("again", s.again);
  visit("message-tokens", s.message_tokens);
  visit("sample-top-p", s.top_p);
  visit("updates", s.updates);
  visit("objective", s.objective);
  visit("kl", s.kl);
  visit("off-policy", s.off_policy);
  visit("overlong", s.overlong);
  visit("length", s.length);
  visit("language", s.language);
  visit("outcome", s.outcome);
  visit("judge", s.judge);
  visit("judge-weight", s.judge_weight);
  visit("replay", s.replay);
  visit("lr", s.lr);
  visit("rise", s.rise);
  visit("clip", s.clip);
  visit("patience", s.patience);
}

/// Throws Error naming the setting unless every value makes sense.
void validate(const SftSettings& settings);
void validate(const GrpoSettings& settings);

struct DomainShare {
  const Domain* domain = nullptr;
  double share = 1;                          // they add up to 1
  std::optional<std::int64_t> hardest = {};  // difficulty; that of the settings
  [[nodiscard]] DomainShare alone() const { return {.domain = domain, .share = 1, .hardest = hardest}; }
};
/// Of TaskSettings::domains; "all": every one.  Throws Error.
std::vector<DomainShare> parse_domains(const std::string& text);
/// "coding@4", or "coding": without its share.
std::string text_of(const DomainShare& domain);

}  // namespace dsa::rl
