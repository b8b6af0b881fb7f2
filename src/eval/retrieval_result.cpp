#include "eval/retrieval_result.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/json.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const RetrievalAnswer& answer) {
  return {{"match", answer.match}, {"log_prob", answer.log_prob}, {"said", answer.said}};
}

Json to_json(const RetrievalResult& r) {
  return {{"task", name(r.task)},
          {"length", r.length},
          {"sample", r.number},
          {"prompt_tokens", r.prompt_tokens},
          {"answer_tokens", r.answer_tokens},
          {"dense", to_json(r.dense)},
          {"sparse", to_json(r.sparse)}};
}

RetrievalAnswer read_answer(const Json& json) {
  return {.match = json.at("match").get<bool>(),
          .log_prob = json.at("log_prob").get<double>(),
          .said = json.at("said").get<std::string>()};
}

// Nothing if it is not a result.
std::optional<RetrievalResult> read_result(const Json& json) {
  try {
    const auto task = std::ranges::find(kRetrievalTasks, json.at("task").get<std::string>(),
                                        [](RetrievalTask t) { return name(t); });
    if (task == kRetrievalTasks.end()) return std::nullopt;
    return RetrievalResult{.task = *task,
                           .length = json.at("length").get<std::int64_t>(),
                           .number = json.at("sample").get<std::int64_t>(),
                           .prompt_tokens = json.at("prompt_tokens").get<std::int64_t>(),
                           .answer_tokens = json.at("answer_tokens").get<std::int64_t>(),
                           .dense = read_answer(json.at("dense")),
                           .sparse = read_answer(json.at("sparse"))};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::vector<RetrievalResult> results_of(const std::vector<Json>& lines, const std::filesystem::path& path) {
  std::vector<RetrievalResult> results;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto result = read_result(lines[i]);
    if (!result) damaged_line(path, i);
    results.push_back(*result);
  }
  return results;
}

}  // namespace

RetrievalRun read_retrieval_run(const std::filesystem::path& path) {
  RunLines lines = read_run_lines(path, "dsa_eval_retrieval", "dsa eval retrieval");
  return {.identity = std::move(lines.identity), .results = results_of(lines.results, path)};
}

RetrievalLog::RetrievalLog(const std::filesystem::path& path, const Json& run)
    : log_(path, run), earlier_(results_of(log_.earlier(), path)) {}

void RetrievalLog::append(const RetrievalResult& result) { log_.append(to_json(result)); }

}  // namespace dsa
