// GLM-4.6 (a line break behind every role), GLM-4.7 (none), GLM-5.1 (as 4.7, but an answer behind the last
// question has <think> even when it is empty) and GLM-5.2 (which is told how hard to think, and closes at
// once what it does not think), thinking by default.
#include "chat/tool_families.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"

namespace dsa {
namespace {

enum class GlmVersion : std::uint8_t { glm46, glm47, glm51, glm52 };

glm_tools::Layout layout(GlmVersion style) {
  return style == GlmVersion::glm46 ? glm_tools::Layout::lines : glm_tools::Layout::line;
}

void write_answer(PromptWriter& out, GlmVersion style, const ChatMessage& m, bool after_last_user) {
  const SplitAnswer answer = split_answer(m);
  out.control("<|assistant|>");
  if (style == GlmVersion::glm46) out.text("\n").control("<think>");
  if (after_last_user && !answer.reasoning.empty()) {
    if (style == GlmVersion::glm47) out.control("<think>");
    out.text(strip(answer.reasoning));
  }
  out.control("</think>");
  const std::string_view content = strip(answer.content);
  if (!content.empty()) out.text(style == GlmVersion::glm46 ? "\n" : "").text(content);
  glm_tools::write_calls(out, m.tool_calls, layout(style));
}

// GLM-5 takes reasoning as it is, and tells none from empty.
void write_answer5(PromptWriter& out, GlmVersion style, const ChatMessage& m, bool after_last_user,
                   bool thinking) {
  static constexpr std::string_view kBegin = "<think>";
  static constexpr std::string_view kEnd = "</think>";
  std::string_view content = m.content;
  std::optional<std::string_view> reasoning;
  if (m.reasoning) {
    reasoning = *m.reasoning;
  } else if (const std::size_t end = content.find(kEnd); end != std::string_view::npos) {
    reasoning = content.substr(0, end);
    if (const std::size_t begin = reasoning->rfind(kBegin); begin != std::string_view::npos)
      reasoning->remove_prefix(begin + kBegin.size());
    content = after_reasoning(content);
  } else if (style == GlmVersion::glm51 && thinking) {
    reasoning = "";
  }
  out.control("<|assistant|>");
  const bool shown = after_last_user && reasoning;
  if (shown || style == GlmVersion::glm52) out.control(kBegin);
  if (shown) out.text(*reasoning);
  out.control(kEnd).text(strip(content));
  glm_tools::write_calls(out, m.tool_calls, layout(style));
}

std::vector<Segment> render(GlmVersion style, std::span<const ChatMessage> messages,
                            const ChatOptions& options) {
  static constexpr std::string_view kNoThink = "/nothink";
  const bool thinking = options.thinking == Thinking::on;
  const std::string_view line = style == GlmVersion::glm46 ? "\n" : "";
  const std::ptrdiff_t last_user = last_user_index(messages);
  PromptWriter out;
  out.control("[gMASK]").control("<sop>");
  if (style == GlmVersion::glm52 && thinking) out.control("<|system|>").text("Reasoning Effort: Max");
  if (!options.tools.empty())
    glm_tools::write_tools(out, options.tools, layout(style), /*functions_alone=*/style >= GlmVersion::glm51);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    switch (m.role) {
      case Role::system:
        out.control("<|system|>").text(line).text(m.content);
        break;
      case Role::user:
        out.control("<|user|>").text(line).text(m.content);
        if (style == GlmVersion::glm46 && !thinking && !m.content.ends_with(kNoThink)) out.text(kNoThink);
        break;
      case Role::assistant:
        if (const bool after = static_cast<std::ptrdiff_t>(i) > last_user; style >= GlmVersion::glm51)
          write_answer5(out, style, m, after, thinking);
        else
          write_answer(out, style, m, after);
        break;
      case Role::tool: {
        const auto results = results_at(messages, i);
        glm_tools::write_results(out, results, layout(style));
        i += results.size() - 1;
        break;
      }
    }
  }
  if (!options.add_generation_prompt) return out.take();
  out.control("<|assistant|>");
  if (style == GlmVersion::glm46) {
    if (!thinking) out.text("\n").control("<think>").control("</think>");
  } else {
    if (thinking || style == GlmVersion::glm52) out.control("<think>");
    if (!thinking) out.control("</think>");
  }
  return out.take();
}

ChatFormat from_style(GlmVersion style) {
  ChatFormat::Spec spec;
  static constexpr std::array<std::string_view, 4> kNames{"glm-4.6", "glm-4.7", "glm-5.1", "glm-5.2"};
  spec.name = kNames.at(static_cast<std::size_t>(style));
  spec.stop_tokens = {"<|user|>", "<|observation|>", "<|endoftext|>"};
  spec.reasoning = ReasoningMarks{"<think>", "</think>"};
  spec.can_think = spec.thinking_by_default = true;
  spec.tool_parser = glm_tools::parser;
  spec.calls = glm_tools::syntax(layout(style));
  spec.render = [style](std::span<const ChatMessage> messages, const ChatOptions& options) {
    return render(style, messages, options);
  };
  return ChatFormat(std::move(spec));
}

constexpr std::string_view kTail46 =
    "{%if add_generation_prompt%}<|assistant|>"
    "{{'\\n<think></think>'if(enable_thinking is defined and not enable_thinking)else''}}{%endif%}";
constexpr std::string_view kTail47 =
    "{%if add_generation_prompt%}<|assistant|>"
    "{{'</think>'if(enable_thinking is defined and not enable_thinking)else'<think>'}}{%endif%}";

constexpr std::string_view kTail52 =
    "{%if add_generation_prompt%}<|assistant|>"
    "{{'<think></think>'if(enable_thinking is defined and not enable_thinking)else'<think>'}}{%endif%}";

constexpr std::string_view kReasoning4 =
    "{%set reasoning_content=''%}{%set content=visible_text(m.content)%}{%if m.reasoning_content is string%}"
    "{%set reasoning_content=m.reasoning_content%}{%else%}{%if'</think>'in content%}"
    "{%set reasoning_content=content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n')%}"
    "{%set content=content.split('</think>')[-1].lstrip('\\n')%}{%endif%}{%endif%}";
const std::vector<std::string_view> k46{
    kReasoning4,
    "{%for m in messages%}{%if m.role=='user'%}<|user|>\n"
    "{{visible_text(m.content)}}"
    "{{'/nothink'if(enable_thinking is defined and not enable_thinking "
    "and not visible_text(m.content).endswith('/nothink'))else''}}"
    "{%elif m.role=='assistant'%}<|assistant|>{%set",
    "{%if loop.index0>ns.last_user_index and reasoning_content%}"
    "{{'\\n<think>'+reasoning_content.strip()+'</think>'}}"
    "{%else%}{{'\\n<think></think>'}}{%endif%}{%if content.strip()%}{{'\\n'+content.strip()}}{%endif%}",
    "{%elif m.role=='system'%}<|system|>\n"
    "{{visible_text(m.content)}}{%endif%}{%endfor%}{%if add_generation_prompt%}",
};
const std::vector<std::string_view> k47{
    kReasoning4,
    "{%for m in messages%}{%if m.role=='user'%}<|user|>{{visible_text(m.content)}}"
    "{%elif m.role=='assistant'%}<|assistant|>{%set",
    "{%if((clear_thinking is defined and not clear_thinking)or "
    "loop.index0>ns.last_user_index)and reasoning_content%}"
    "{{'<think>'+reasoning_content.strip()+'</think>'}}"
    "{%else%}{{'</think>'}}{%endif%}{%if content.strip()%}{{content.strip()}}{%endif%}",
    "{%elif m.role=='system'%}<|system|>"
    "{{visible_text(m.content)}}{%endif%}{%endfor%}{%if add_generation_prompt%}",
};

// Copies in other projects have one more branch, for clear_thinking, which we never set.
const std::vector<std::string_view> k51{
    "{%set ns=namespace(last_user_index=-1,thinking_indices='')%}{%for m in messages%}{%if m.role=='user'%}"
    "{%set ns.last_user_index=loop.index0%}",
    "{%for m in messages%}{%if m.role=='user'%}<|user|>{{visible_text(m.content)}}"
    "{%set ns.has_thinking=(','~loop.index0~',')in ns.thinking_indices%}"
    "{%elif m.role=='assistant'%}<|assistant|>{%set content=visible_text(m.content)%}"
    "{%if m.reasoning_content is string%}{%set reasoning_content=m.reasoning_content%}"
    "{%elif'</think>'in content%}"
    "{%set reasoning_content=content.split('</think>')[0].split('<think>')[-1]%}"
    "{%set content=content.split('</think>')[-1]%}{%elif ",
    "{%elif loop.index0>ns.last_user_index and not(enable_thinking is defined and not enable_thinking)%}"
    "{%set reasoning_content=''%}{%elif loop.index0<ns.last_user_index and ns.has_thinking%}"
    "{%set reasoning_content=''%}{%endif%}"
    "{%if((clear_thinking is defined and not clear_thinking)or "
    "loop.index0>ns.last_user_index)and reasoning_content is defined%}"
    "{{'<think>'+reasoning_content+'</think>'}}{%else%}{{'</think>'}}{%endif%}"
    "{%if content.strip()%}{{content.strip()}}{%endif%}{%if m.tool_calls%}",
    "{%elif m.role=='system'%}<|system|>"
    "{{visible_text(m.content)}}{%endif%}{%endfor%}{%if add_generation_prompt%}",
};

const std::vector<std::string_view> k52{
    "{%set ns=namespace(last_user_index=-1)%}{%for m in messages%}{%if m.role=='user'%}"
    "{%set ns.last_user_index=loop.index0%}{%endif%}{%endfor%}",
    "{%for m in messages%}{%if m.role=='user'%}<|user|>{{visible_text(m.content)}}"
    "{%elif m.role=='assistant'%}<|assistant|>{%set content=visible_text(m.content)%}"
    "{%if m.reasoning_content is string%}{%set reasoning_content=m.reasoning_content%}"
    "{%elif'</think>'in content%}"
    "{%set reasoning_content=content.split('</think>')[0].split('<think>')[-1]%}"
    "{%set content=content.split('</think>')[-1]%}{%endif%}"
    "{%if((clear_thinking is defined and not clear_thinking)or "
    "loop.index0>ns.last_user_index)and reasoning_content is defined%}"
    "{{'<think>'+reasoning_content+'</think>'}}{%else%}{{'<think></think>'}}{%endif%}"
    "{%if content.strip()%}{{content.strip()}}{%endif%}{%if m.tool_calls%}",
    "{%elif m.role=='system'%}<|system|>"
    "{{visible_text(m.content)}}{%endif%}{%endfor%}{%if add_generation_prompt%}",
};

struct GlmTemplate {
  GlmVersion style;
  std::string_view start;
  std::string_view tail;
  const std::vector<std::string_view>& fragments;
};
const std::array<GlmTemplate, 4> kTemplates{{
    {GlmVersion::glm46, "[gMASK]<sop>{%if tools%}<|system|>", kTail46, k46},
    {GlmVersion::glm47, "[gMASK]<sop>{%if tools%}<|system|>", kTail47, k47},
    {GlmVersion::glm51, "[gMASK]<sop>{%if tools%}{%macro tool_to_json(tool)%}", kTail47, k51},
    {GlmVersion::glm52,
     "[gMASK]<sop>{%set effective_reasoning_effort='high'if reasoning_effort is defined and "
     "reasoning_effort=='high'else'max'%}{%if(enable_thinking is not defined or enable_thinking)and "
     "effective_reasoning_effort is not none%}<|system|>Reasoning Effort: "
     "{{effective_reasoning_effort|capitalize}}{%endif%}{%if tools%}{%macro tool_to_json(tool)%}",
     kTail52, k52},
}};

}  // namespace

ChatFormat glm46() { return from_style(GlmVersion::glm46); }

ChatFormat glm47() { return from_style(GlmVersion::glm47); }

ChatFormat glm51() { return from_style(GlmVersion::glm51); }

ChatFormat glm52() { return from_style(GlmVersion::glm52); }

std::optional<ChatFormat> match_glm(const ChatTemplate& text, Difference& difference) {
  difference.text = "does not end with the generation prompt of GLM-4.6, 4.7, 5.1 or 5.2";
  for (const GlmTemplate& known : kTemplates) {
    if (!text.ends_with(known.tail)) continue;
    if (const auto first = text.first_missing(known.fragments))
      difference.text = fmt::format("lacks {}", printable(*first));
    else if (!text.normal().starts_with(known.start))
      difference.text = "does not begin as GLM-4.6, 4.7, 5.1 and 5.2 do";
    else
      return from_style(known.style);
  }
  return std::nullopt;
}

}  // namespace dsa
