#include "eval/retrieval_result.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>

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

// The first thing the file's run says that this one does not.
std::string difference(const Json& file, const Json& run) {
  for (const auto& [key, value] : run.items())
    if (!file.is_object() || !file.contains(key) || file[key] != value)
      return fmt::format("{} {}, expected {}", key,
                         file.is_object() && file.contains(key) ? json_text(file[key]) : "missing",
                         json_text(value));
  return "what this dsa does not know";
}

std::string read_file(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return {};
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) fail("{}: cannot be read", printable(path.string(), 1000));
  return text.str();
}

// Up to the end of the last whole line: what follows is of a run that was killed while it wrote.
std::size_t whole_lines(const std::string& text) {
  const std::size_t last = text.rfind('\n');
  return last == std::string::npos ? 0 : last + 1;
}

// The first line; discarded if it is no JSON.
Json parse_identity(const std::string& text) {
  return Json::parse(text.substr(0, text.find('\n')), nullptr, /*allow_exceptions=*/false);
}

// The lines after it.
std::vector<RetrievalResult> parse_results(const std::string& text, const std::filesystem::path& path) {
  std::vector<RetrievalResult> results;
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  for (std::int64_t number = 2; std::getline(lines, line); ++number) {
    const auto result = read_result(Json::parse(line, nullptr, /*allow_exceptions=*/false));
    if (!result)
      fail("{}: line {} is not a result: remove the line, and its sample is computed again",
           printable(path.string(), 1000), number);
    results.push_back(*result);
  }
  return results;
}

}  // namespace

RetrievalRun read_retrieval_run(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) fail("{}: no such file", printable(path.string(), 1000));
  std::string text = read_file(path);
  text.resize(whole_lines(text));
  Json identity = parse_identity(text);
  if (!identity.is_object() || !identity.contains("dsa_eval_retrieval"))
    fail("{}: is no `state` of dsa eval retrieval", printable(path.string(), 1000));
  return {.identity = std::move(identity), .results = parse_results(text, path)};
}

RetrievalLog::RetrievalLog(const std::filesystem::path& path, const Json& run) : path_(path) {
  std::string text = read_file(path);
  if (const std::size_t whole = whole_lines(text); whole < text.size()) {
    text.resize(whole);
    std::error_code error;
    std::filesystem::resize_file(path, whole, error);
    if (error) fail("{}: {}", printable(path.string(), 1000), error.message());
  }
  if (!text.empty()) {
    const Json identity = parse_identity(text);
    // What is no JSON compares as neither equal nor different.
    if (identity.is_discarded() || identity != run)
      fail("{}: is the state of another run ({}): give another `state`, or remove the file",
           printable(path.string(), 1000), difference(identity, run));
    earlier_ = parse_results(text, path);
  }
  file_.reset(std::fopen(path.c_str(), "ab"));
  if (!file_) fail("{}: {}", printable(path.string(), 1000), std::generic_category().message(errno));
  if (text.empty()) write(run);
}

void RetrievalLog::append(const RetrievalResult& result) { write(to_json(result)); }

void RetrievalLog::write(const Json& json) {
  const std::string line = json_text(json) + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0)
    fail("{}: {}", printable(path_.string(), 1000), std::generic_category().message(errno));
}

}  // namespace dsa
