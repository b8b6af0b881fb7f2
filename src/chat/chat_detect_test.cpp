// Which format a template is of.  No third party's template is kept here:
// SmolLM2's is read from the model if it is there, a folder of others can be named by DSA_TEST_TEMPLATES,
// and the rest are short templates of our own.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/env.h"
#include "base/error.h"
#include "chat/chat_families.h"

namespace dsa {
namespace {

std::string found(const std::optional<std::string>& text, Architecture architecture = Architecture::llama) {
  try {
    return std::string(ChatFormat::find(text, architecture).name());
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("`raw` for plain completion"), std::string::npos) << e.what();
    return std::string("refused: ") + e.what();
  }
}

bool refused(const std::optional<std::string>& text) { return found(text).starts_with("refused"); }

std::string normal(std::string_view text) { return ChatTemplate(text).normal(); }

TEST(ChatTemplate, NormalForm) {
  EXPECT_EQ(normal("{% if  a  is defined %}{{ x['y'] }}{%endif%}"), "{%if a is defined%}{{x.y}}{%endif%}");
  EXPECT_EQ(normal(R"({{ m["role"] + "it's" + 'a\"b' }})"), R"({{m.role+'it\'s'+'a"b'}})");
  EXPECT_EQ(normal("{{ 'a\n\nb' }}"), "{{'a\\n\\nb'}}") << "a line break in a string is \\n";
  EXPECT_EQ(normal("a {#- gone -#} b"), "ab");
  EXPECT_EQ(normal("{% a %}\n  {% b %}\n\n{{ c }}\nd"), "{%a%}{%b%}\n{{c}}\nd")
      << "trim_blocks, lstrip_blocks";
  EXPECT_EQ(normal("x {%- a -%} \n y\n"), "x{%a%}y");
  EXPECT_EQ(normal("x  {% a %}"), "x  {%a%}") << "not at the beginning of a line";
  EXPECT_EQ(normal("\r\n  {%+ a +%}\r\nz"), "\n  {%a%}\nz");
  EXPECT_EQ(normal("{{ '}}' }}{{ \"%}\" }}"), "{{'}}'}}{{'%}'}}");
  EXPECT_EQ(normal("{{ x['a b'] }}{{ ['a'] }}"), "{{x['a b']}}{{['a']}}");
  for (const char* broken :
       {"{", "{{", "{%", "{#", "{{ 'abc", "{{ \"", "{{ a", "{%-", "{{ '\\", "}}", "%}{%"})
    EXPECT_NO_THROW((void)normal(broken)) << broken;
}

constexpr const char* kPlainChatml =
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

TEST(ChatDetect, PlainChatml) {
  EXPECT_EQ(found(kPlainChatml), "chatml");
  const auto format = ChatFormat::find(kPlainChatml, Architecture::llama);
  const auto prompt = format.render(std::vector<ChatMessage>{{Role::user, "hi"}}, {});
  EXPECT_EQ(prompt.size(), 6U);
  EXPECT_EQ(prompt[1], (Segment{"user\nhi", false}));
}

// Hermes 2 and 3 begin with the tokenizer's own token.
TEST(ChatDetect, ChatmlBehindTheFirstToken) {
  const auto format = ChatFormat::find("{{bos_token}}" + std::string(kPlainChatml), Architecture::llama);
  EXPECT_EQ(format.name(), "chatml");
  const auto prompt = format.render(std::vector<ChatMessage>{{Role::user, "hi"}}, {});
  EXPECT_EQ(prompt.front(), (Segment{std::string(kBosToken), true}));
  EXPECT_EQ(prompt.size(), 7U);
}

TEST(ChatDetect, ByName) {
  for (const NamedFormat& format : named_formats())
    EXPECT_EQ(ChatFormat::named(format.name).name(), format.name);
  for (const ChatFamily& family : chat_families()) EXPECT_NO_THROW((void)ChatFormat::named(family.name));
  try {
    (void)ChatFormat::named("qwen4");
    FAIL() << "a format that there is not";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("no chat format qwen4, expected one of chatml, "), std::string::npos)
        << e.what();
  }
}

// A family's own words in another order: the error names the family that has most of them.
TEST(ChatDetect, TheNearestIsNamed) {
  const std::string qwq_like =
      "{%- if tools %}{%- else %}{%- if messages[0]['role'] == 'system' %}"
      "{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}{%- endif %}{%- endif %}"
      "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n<think>\\n' }}{%- endif %}";
  EXPECT_NE(found(qwq_like).find("the nearest is qwq, but"), std::string::npos) << found(qwq_like);
  EXPECT_EQ(found("{{ messages }}").find("the nearest"), std::string::npos);
}

TEST(ChatDetect, AnyChangeIsRefused) {
  const std::string text = kPlainChatml;
  EXPECT_TRUE(refused(text + "x"));
  EXPECT_TRUE(refused("x" + text));
  EXPECT_TRUE(refused("{% set x = 1 %}" + text));
  int changed = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other.erase(i, 1);
    if (normal(other) == normal(text)) continue;  // a blank inside a tag
    EXPECT_TRUE(refused(other)) << other;
    ++changed;
  }
  EXPECT_GT(changed, 150);
}

TEST(ChatDetect, NoneAndUnknown) {
  EXPECT_EQ(found(std::nullopt, Architecture::deepseek_v32), "deepseek-v3.2");
  for (const Architecture a :
       {Architecture::llama, Architecture::qwen3, Architecture::deepseek_v3, Architecture::glm_moe_dsa})
    EXPECT_TRUE(found(std::nullopt, a).starts_with("refused: chat: the model has no chat template"));
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("{{ messages }}"));
  EXPECT_TRUE(refused("<s>[INST] {{ messages[0]['content'] }} [/INST]"));
  const std::string error = found("{% for m in messages %}{{ '<|im_start|>' + m.content }}{% endfor %}");
  EXPECT_NE(error.find("the nearest is chatml, but"), std::string::npos) << error;
}

// docs/hostile-inputs.md H54 to H60: nothing is executed, so none of it can hurt; all is refused quickly.
TEST(ChatDetect, HostileTemplates) {
  std::string nested(1 << 20, '(');
  std::string tags;
  for (int i = 0; i < 100000; ++i) tags += "{% if x %}";
  for (const std::string& text :
       {std::string("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}<|im_start|>"), "{{ " + nested,
        tags + "<|im_start|>", std::string("{% for i in range(10**9) %}<|im_start|>{% endfor %}"),
        std::string("{{ 'a' * 10**9 }}[gMASK]<sop>"),
        std::string("{{ ''.__class__.__mro__ }}<｜Assistant｜>"), std::string("{% raw %}<|start_header_id|>"),
        std::string(5 << 20, '{'), std::string("\xff\xfe<|im_start|>\x00", 16), std::string(1 << 20, '\'')})
    EXPECT_TRUE(refused(text));
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// DSA_TEST_TEMPLATES=.../vendor/llama.cpp/models/templates of llama-cpp-python 0.3.36
// (and GLM-5.1's, 5.2's and Qwen3's later ones from where tools/goldens/chat/make.py says): every file is
// recognised as what it is, or refused, and never taken for another.
TEST(ChatDetect, RealTemplates) {
  const std::filesystem::path folder = env_or("DSA_TEST_TEMPLATES", "");
  if (folder.empty()) GTEST_SKIP() << "DSA_TEST_TEMPLATES names no folder";
  const std::map<std::string, std::string> known{
      {"Qwen-Qwen2.5-7B-Instruct.jinja", "qwen2.5"},
      {"Qwen-Qwen3-0.6B.jinja", "qwen3"},
      {"qwen3.jinja", "qwen3"},
      {"qwen3-instruct.jinja", "qwen3-instruct"},
      {"qwen3-thinking.jinja", "qwen3-thinking"},
      {"meta-llama-Llama-3.1-8B-Instruct.jinja", "llama-3"},
      {"meta-llama-Llama-3.2-3B-Instruct.jinja", "llama-3"},
      {"meta-llama-Llama-3.3-70B-Instruct.jinja", "llama-3"},
      {"deepseek-ai-DeepSeek-V3.1.jinja", "deepseek-v3.1 (llama.cpp)"},
      {"deepseek-ai-DeepSeek-V3.2.jinja", "deepseek-v3.2 (llama.cpp)"},
      {"Qwen-QwQ-32B.jinja", "qwq"},
      {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja", "deepseek-r1"},
      {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja", "deepseek-r1"},
      {"GLM-5.2.jinja", "glm-5.2"},
      {"GLM-4.6.jinja", "glm-4.6"},
      {"GLM-4.7-Flash.jinja", "glm-4.7"},
      {"glm5.1_fixed.jinja", "glm-5.1"},
  };
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jinja") continue;
    ++files;
    const std::string text = read(entry.path());
    const auto it = known.find(entry.path().filename().string());
    if (it == known.end())
      EXPECT_TRUE(refused(text)) << entry.path() << " taken for " << found(text);
    else
      EXPECT_EQ(found(text), it->second) << entry.path();
  }
  EXPECT_GT(files, 50);
}

}  // namespace
}  // namespace dsa
