#include "compare/prompts.h"

#include <fstream>
#include <set>
#include <span>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"

namespace dsa::compare {
namespace {

using Given = nlohmann::json;

constexpr std::size_t kMostBytes = std::size_t{64} << 20;

std::string file_text(const std::filesystem::path& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) fail("{}: {}", printable(path.string(), 1000), error.message());
  if (bytes > kMostBytes)
    fail("{}: {} bytes, expected at most {}", printable(path.string(), 1000), bytes, kMostBytes);
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) fail("{}: cannot be read", printable(path.string(), 1000));
  return text.str();
}

// A line of the file; takes each field that it is asked for, and complains of those that nobody asked for.
class Line {
 public:
  Line(const Given& json, std::string who) : json_(json), who_(std::move(who)) {
    if (!json.is_object()) fail("{}: expected an object", who_);
  }

  const Given* find(const char* key) {
    known_.insert(key);
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }
  std::optional<std::string> text(const char* key) {
    const Given* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) wrong(key, "a text");
    return value->get<std::string>();
  }
  std::vector<std::string> texts(const char* key) {
    const Given* value = find(key);
    return value == nullptr ? std::vector<std::string>{} : texts_of(*value, key);
  }
  std::vector<Ways> ways(const char* key) {
    std::vector<Ways> out;
    const Given* value = find(key);
    if (value == nullptr) return out;
    if (!value->is_array()) wrong(key, "a list");
    for (const Given& one : *value)
      out.push_back(one.is_string() ? Ways{one.get<std::string>()} : texts_of(one, key));
    return out;
  }
  std::optional<double> number(const char* key) {
    const Given* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) wrong(key, "a number");
    return value->get<double>();
  }
  void nothing_else() const {
    for (const auto& [key, value] : json_.items())
      if (!known_.contains(key)) fail("{}: \"{}\" is no field of a prompt", who_, printable(key, 40));
  }
  [[noreturn]] void wrong(const char* key, const char* expected) const {
    fail("{}: `{}` is {}, expected {}", who_, key, printable(json_text(json_.at(key)), 60), expected);
  }
  [[nodiscard]] const std::string& who() const { return who_; }

 private:
  std::vector<std::string> texts_of(const Given& value, const char* key) const {
    if (!value.is_array() || value.empty()) wrong(key, "a list of texts");
    std::vector<std::string> out;
    for (const Given& one : value) {
      if (!one.is_string() || one.get_ref<const std::string&>().empty()) wrong(key, "a list of texts");
      out.push_back(one.get<std::string>());
    }
    return out;
  }

  const Given& json_;
  std::string who_;
  std::set<std::string> known_;
};

ChatMessage message(const Given& json, Line& line) {
  static const std::pair<const char*, Role> kRoles[] = {
      {"system", Role::system}, {"user", Role::user}, {"assistant", Role::assistant}};
  if (json.is_object() && json.size() == 2 && json.contains("role") && json.contains("content") &&
      json["content"].is_string())
    for (const auto& [name, role] : kRoles)
      if (json["role"] == name) return {.role = role, .content = json["content"].get<std::string>()};
  line.wrong("messages", "a list of {\"role\": system, user or assistant, \"content\": a text}");
}

// What is asked: `prompt`, `turns`, or the last of `messages`.
void read_question(Line& line, Prompt& out) {
  const auto prompt = line.text("prompt");
  out.turns = line.texts("turns");
  if (const Given* messages = line.find("messages")) {
    if (!messages->is_array() || messages->empty()) line.wrong("messages", "a list of messages");
    for (const Given& one : *messages) out.history.push_back(message(one, line));
  }
  const bool asked = !out.history.empty() && out.history.back().role == Role::user;
  if (int{prompt.has_value()} + int{!out.turns.empty()} + int{asked} != 1)
    fail("{}: expected one of `prompt`, `turns`, and `messages` that end with the user's", line.who());
  if (prompt) out.turns = {*prompt};
  if (asked) {
    out.turns = {out.history.back().content};
    out.history.pop_back();
  }
}

Prompt read_line(const std::string& text, const std::string& who, const std::filesystem::path& file) {
  const Given json = parse_json(text, who);
  Line line(json, who);
  Prompt out;
  out.set = line.text("set").value_or(file.stem().string());
  out.id = line.text("id").value_or("");
  if (out.id.empty()) fail("{}: it has no `id`, which is what results are kept by", who);
  read_question(line, out);
  out.rewordings = line.texts("rewordings");
  Expected& e = out.expected;
  e.facts = line.ways("facts");
  e.forbidden = line.ways("forbidden");
  e.number = line.number("number");
  e.reference = line.text("reference");
  e.tests = line.text("tests");
  if (!out.rewordings.empty() && !e.number) fail("{}: `rewordings` want a `number` to compare", who);
  if (const auto ago = line.number("turns_ago")) {
    if (*ago < 1 || *ago != static_cast<double>(static_cast<std::int64_t>(*ago)))
      line.wrong("turns_ago", "a whole number from 1");
    out.turns_ago = static_cast<std::int64_t>(*ago);
  }
  Sha256 digest;
  digest.add(std::as_bytes(std::span(text)));
  if (const auto name = line.text("document")) {
    const std::string document = file_text(file.parent_path() / *name);
    digest.add(std::as_bytes(std::span(document)));
    out.turns.front() = document + "\n\n" + out.turns.front();
    if (out.turns.size() == 1)
      for (std::string& other : out.rewordings) other = document + "\n\n" + other;
  }
  out.digest = digest.hex().substr(0, 16);
  line.nothing_else();
  return out;
}

}  // namespace

std::vector<Prompt> read_prompts(const std::filesystem::path& file) {
  std::istringstream lines(file_text(file));
  std::vector<Prompt> out;
  std::set<std::string> ids;
  std::string text;
  for (int number = 1; std::getline(lines, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string who = fmt::format("{}: line {}", printable(file.string(), 1000), number);
    out.push_back(read_line(text, who, file));
    if (!ids.insert(out.back().id).second)
      fail("{}: another line has the id \"{}\"", who, printable(out.back().id));
  }
  if (out.empty()) fail("{}: it holds no prompt", printable(file.string(), 1000));
  return out;
}

}  // namespace dsa::compare
