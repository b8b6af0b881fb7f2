// Questions about long texts whose answers are known: made, not collected, so that every length has as many
// as anybody wants.  The four kinds are those of RULER (Hsieh et al. 2024); the wording is our own.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dsa {

enum class RetrievalTask : std::uint8_t {
  single,     // one number of interest in a text that repeats itself
  multi_key,  // as many numbers as the text has lines, one of them asked for by its name
  variables,  // an assignment and a copy of it, far apart, beside others of another value
  words,      // the three most frequent of many words
};
inline constexpr std::array kRetrievalTasks{RetrievalTask::single, RetrievalTask::multi_key,
                                            RetrievalTask::variables, RetrievalTask::words};
std::string_view name(RetrievalTask task);  // "single", "multi-key", "variables", "words"

struct RetrievalSample {
  std::string question;                 // the text and what is asked about it: the user's message
  std::string answer_begins;            // put into the model's mouth; the answer follows
  std::string answer;                   // as the model is scored on it, with its leading space
  std::vector<std::string> references;  // all of them must occur in what the model says
};

/// Sample number `number` with `units` units of filling (1 or more; what a unit is depends on the task).  A
/// pure function of its arguments.
RetrievalSample make_sample(RetrievalTask task, std::uint64_t seed, std::int64_t number, std::int64_t units);

/// The sample with most filling that count() says is at most `length` long.  Throws Error if none is.
RetrievalSample fit_sample(RetrievalTask task, std::uint64_t seed, std::int64_t number, std::int64_t length,
                           const std::function<std::int64_t(const RetrievalSample&)>& count);

/// True if every reference occurs in `said`, whatever the case.
bool answers(const RetrievalSample& sample, std::string_view said);

}  // namespace dsa
