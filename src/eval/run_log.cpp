#include "eval/run_log.h"

#include <fstream>
#include <sstream>
#include <system_error>

#include "base/error.h"
#include "base/json.h"

namespace dsa {
namespace {

using Json = nlohmann::ordered_json;

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

Json parse_line(const std::string& line) { return Json::parse(line, nullptr, /*allow_exceptions=*/false); }

// `text` ends with a whole line.
RunLines parse_lines(const std::string& text) {
  RunLines out;
  std::istringstream lines(text);
  std::string line;
  if (std::getline(lines, line)) out.identity = parse_line(line);
  while (std::getline(lines, line)) out.results.push_back(parse_line(line));
  return out;
}

}  // namespace

RunLines read_run_lines(const std::filesystem::path& path, const char* kind, std::string_view verb) {
  if (!std::filesystem::exists(path)) fail("{}: no such file", printable(path.string(), 1000));
  std::string text = read_file(path);
  text.resize(whole_lines(text));
  RunLines out = parse_lines(text);
  if (!out.identity.is_object() || !out.identity.contains(kind))
    fail("{}: is no `state` of {}", printable(path.string(), 1000), verb);
  return out;
}

void damaged_line(const std::filesystem::path& path, std::size_t index) {
  fail("{}: line {} is not a result: remove the line, and its sample is computed again",
       printable(path.string(), 1000), index + 2);
}

RunLog::RunLog(const std::filesystem::path& path, const Json& run) : path_(path) {
  std::string text = read_file(path);
  if (const std::size_t whole = whole_lines(text); whole < text.size()) {
    text.resize(whole);
    std::error_code error;
    std::filesystem::resize_file(path, whole, error);
    if (error) fail("{}: {}", printable(path.string(), 1000), error.message());
  }
  if (!text.empty()) {
    RunLines lines = parse_lines(text);
    // What is no JSON compares as neither equal nor different.
    if (lines.identity.is_discarded() || lines.identity != run)
      fail("{}: is the state of another run ({}): give another `state`, or remove the file",
           printable(path.string(), 1000), difference(lines.identity, run));
    earlier_ = std::move(lines.results);
  }
  file_.reset(std::fopen(path.c_str(), "ab"));
  if (!file_) fail("{}: {}", printable(path.string(), 1000), std::generic_category().message(errno));
  if (text.empty()) append(run);
}

void RunLog::append(const Json& json) {
  const std::string line = json_text(json) + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0)
    fail("{}: {}", printable(path_.string(), 1000), std::generic_category().message(errno));
}

}  // namespace dsa
