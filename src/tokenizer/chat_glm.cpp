// GLM-4.6 (a line break behind every role) and GLM-4.7 (none), thinking by default.
#include "tokenizer/chat_families.h"

#include <fmt/format.h>

#include "base/error.h"

namespace dsa {
namespace {

enum class Style : std::uint8_t { glm46, glm47 };

void write_answer(PromptWriter& out, Style style, const ChatMessage& m, bool after_last_user) {
  const Answer answer = split_answer(m);
  out.control("<|assistant|>");
  if (style == Style::glm46) out.text("\n").control("<think>");
  if (after_last_user && !answer.reasoning.empty()) {
    if (style == Style::glm47) out.control("<think>");
    out.text(strip(answer.reasoning));
  }
  out.control("</think>");
  const std::string_view content = strip(answer.content);
  if (!content.empty()) out.text(style == Style::glm46 ? "\n" : "").text(content);
}

std::vector<Segment> render(Style style, std::span<const ChatMessage> messages, const ChatOptions& options) {
  static constexpr std::string_view kNoThink = "/nothink";
  const bool thinking = options.thinking == Thinking::on;
  const std::string_view line = style == Style::glm46 ? "\n" : "";
  const std::ptrdiff_t last_user = last_user_index(messages);
  PromptWriter out;
  out.control("[gMASK]").control("<sop>");
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    switch (m.role) {
      case Role::system:
        out.control("<|system|>").text(line).text(m.content);
        break;
      case Role::user:
        out.control("<|user|>").text(line).text(m.content);
        if (style == Style::glm46 && !thinking && !m.content.ends_with(kNoThink)) out.text(kNoThink);
        break;
      case Role::assistant:
        write_answer(out, style, m, static_cast<std::ptrdiff_t>(i) > last_user);
        break;
    }
  }
  if (!options.add_generation_prompt) return out.take();
  out.control("<|assistant|>");
  if (style == Style::glm46) {
    if (!thinking) out.text("\n").control("<think>").control("</think>");
  } else {
    out.control(thinking ? "<think>" : "</think>");
  }
  return out.take();
}

ChatFormat from_style(Style style) {
  ChatFormat::Spec spec;
  spec.name = style == Style::glm46 ? "glm-4.6" : "glm-4.7";
  spec.stop_tokens = {"<|user|>", "<|observation|>", "<|endoftext|>"};
  spec.reasoning = ReasoningMarks{"<think>", "</think>"};
  spec.can_think = spec.thinking_by_default = true;
  spec.render = [style](std::span<const ChatMessage> messages, const ChatOptions& options) {
    return render(style, messages, options);
  };
  return ChatFormat(std::move(spec));
}

constexpr std::string_view kTail46 =
    "{%if add_generation_prompt%}<|assistant|>{{'\\n<think></think>'if(enable_thinking is defined and not "
    "enable_thinking)"
    "else''}}{%endif%}";
constexpr std::string_view kTail47 =
    "{%if add_generation_prompt%}<|assistant|>{{'</think>'if(enable_thinking is defined and not "
    "enable_thinking)else"
    "'<think>'}}{%endif%}";

const std::vector<std::string_view> kCommon{
    "{%set reasoning_content=''%}{%set content=visible_text(m.content)%}{%if m.reasoning_content is string%}"
    "{%set reasoning_content=m.reasoning_content%}{%else%}{%if'</think>'in content%}"
    "{%set reasoning_content=content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n')%}"
    "{%set content=content.split('</think>')[-1].lstrip('\\n')%}{%endif%}{%endif%}",
};
const std::vector<std::string_view> k46{
    "{%for m in messages%}{%if "
    "m.role=='user'%}<|user|>\n{{visible_text(m.content)}}{{'/nothink'if(enable_thinking is "
    "defined and not enable_thinking and not visible_text(m.content).endswith('/nothink'))else''}}"
    "{%elif m.role=='assistant'%}<|assistant|>{%set",
    "{%if loop.index0>ns.last_user_index and "
    "reasoning_content%}{{'\\n<think>'+reasoning_content.strip()+'</think>'}}"
    "{%else%}{{'\\n<think></think>'}}{%endif%}{%if content.strip()%}{{'\\n'+content.strip()}}{%endif%}",
    "{%elif m.role=='system'%}<|system|>\n{{visible_text(m.content)}}{%endif%}{%endfor%}{%if "
    "add_generation_prompt%}",
};
const std::vector<std::string_view> k47{
    "{%for m in messages%}{%if m.role=='user'%}<|user|>{{visible_text(m.content)}}"
    "{%elif m.role=='assistant'%}<|assistant|>{%set",
    "{%if((clear_thinking is defined and not clear_thinking)or loop.index0>ns.last_user_index)and "
    "reasoning_content%}"
    "{{'<think>'+reasoning_content.strip()+'</think>'}}{%else%}{{'</think>'}}{%endif%}"
    "{%if content.strip()%}{{content.strip()}}{%endif%}",
    "{%elif m.role=='system'%}<|system|>{{visible_text(m.content)}}{%endif%}{%endfor%}{%if "
    "add_generation_prompt%}",
};

}  // namespace

ChatFormat glm46() { return from_style(Style::glm46); }

ChatFormat glm47() { return from_style(Style::glm47); }

std::optional<ChatFormat> match_glm(const ChatTemplate& text, std::string& missing) {
  const bool is46 = text.ends_with(kTail46);
  if (!is46 && !text.ends_with(kTail47)) {
    missing = "does not end with the generation prompt of GLM-4.6 or 4.7";
    return std::nullopt;
  }
  std::vector<std::string_view> fragments = kCommon;
  const std::vector<std::string_view>& own = is46 ? k46 : k47;
  fragments.insert(fragments.end(), own.begin(), own.end());
  if (const auto first = text.first_missing(fragments)) {
    missing = fmt::format("lacks {}", printable(*first));
    return std::nullopt;
  }
  if (!text.normal().starts_with("[gMASK]<sop>{%if tools%}<|system|>")) {
    missing = "does not begin as GLM-4.6 and 4.7 do";
    return std::nullopt;
  }
  return is46 ? glm46() : glm47();
}

}  // namespace dsa
