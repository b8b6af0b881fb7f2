// Qwen3: ChatML with reasoning.  The first models think unless told not to; of the releases of July 2025 one
// never thinks (Instruct) and one always does (Thinking).
#include <algorithm>
#include <array>

#include "chat/tool_families.h"

namespace dsa {
namespace {

// A tool's answer comes back as a message of the user in these tags; it asks nothing.
bool is_query(const ChatMessage& m) {
  return m.role == Role::user &&
         !(m.content.starts_with("<tool_response>") && m.content.ends_with("</tool_response>"));
}

std::ptrdiff_t last_query_index(std::span<const ChatMessage> messages) {
  for (std::size_t i = messages.size(); i-- > 0;)
    if (is_query(messages[i])) return static_cast<std::ptrdiff_t>(i);
  return static_cast<std::ptrdiff_t>(messages.size()) - 1;
}

std::vector<Segment> render(Qwen3 kind, std::span<const ChatMessage> messages, const ChatOptions& options) {
  const std::ptrdiff_t last_query = last_query_index(messages);
  PromptWriter out;
  const bool has_system = messages[0].role == Role::system;
  if (!options.tools.empty()) {
    begin_message(out, Role::system);
    if (has_system) out.text(messages[0].content).text("\n\n");
    hermes_tools::write_tools(out, options.tools);
    end_message(out);
  }
  for (std::size_t i = !options.tools.empty() && has_system ? 1 : 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    if (m.role == Role::tool) {
      const auto results = results_at(messages, i);
      hermes_tools::write_results(out, results);
      i += results.size() - 1;
      continue;
    }
    if (m.role != Role::assistant) {
      write_message(out, m.role, m.content);
      continue;
    }
    const SplitAnswer answer = split_answer(m);
    const bool last = i + 1 == messages.size() && kind != Qwen3::instruct;
    begin_message(out, m.role);
    if (static_cast<std::ptrdiff_t>(i) > last_query && (last || !answer.reasoning.empty())) {
      out.control("<think>").text("\n");
      out.text(strip_newlines_right(strip_newlines_left(answer.reasoning))).text("\n");
      out.control("</think>").text("\n\n").text(strip_newlines_left(answer.content));
    } else {
      out.text(answer.content);
    }
    hermes_tools::write_calls(out, m.tool_calls, /*after_text=*/!answer.content.empty());
    end_message(out);
  }
  if (!options.add_generation_prompt) return out.take();
  begin_message(out, Role::assistant);
  if (kind == Qwen3::instruct) return out.take();
  if (options.thinking == Thinking::off)
    out.control("<think>").text("\n\n").control("</think>").text("\n\n");
  else if (kind == Qwen3::thinking)
    out.control("<think>").text("\n");
  return out.take();
}

constexpr std::string_view kSystemAndLastQuery =
    "{%else%}{%if messages[0].role=='system'%}"
    "{{'<|im_start|>system\\n'+messages[0].content+'<|im_end|>\\n'}}{%endif%}{%endif%}"
    "{%set ns=namespace(multi_step_tool=true,last_query_index=messages|length-1)%}";
constexpr std::string_view kThoughtfulAnswer =
    "{%if loop.index0>ns.last_query_index%}{%if loop.last or(not loop.last and reasoning_content)%}"
    "{{'<|im_start|>'+message.role+'\\n<think>\\n'+reasoning_content.strip('\\n')+'\\n</think>\\n\\n'+"
    "content.lstrip('\\n')}}{%else%}{{'<|im_start|>'+message.role+'\\n'+content}}{%endif%}";

// As released in April 2025.
const std::vector<std::string_view> kFirstRelease{
    kSystemAndLastQuery,
    "{%if(message.role=='user')or(message.role=='system'and not loop.first)%}"
    "{{'<|im_start|>'+message.role+'\\n'+message.content+'<|im_end|>'+'\\n'}}",
    "{%set content=message.content.split('</think>')[-1].lstrip('\\n')%}",
    "{%set reasoning_content=message.content.split('</think>')[0].rstrip('\\n').split('<think>')[-1]"
    ".lstrip('\\n')%}",
    kThoughtfulAnswer,
};

// Since May 2025 a content may be something else than a string, which ours never is.
std::vector<std::string_view> later_fragments(std::string_view answer) {
  return {
      kSystemAndLastQuery,
      "{%if ns.multi_step_tool and message.role=='user'and message.content is string and "
      "not(message.content.startswith('<tool_response>')and message.content.endswith('</tool_response>'))%}",
      "{%for message in messages%}{%if message.content is string%}{%set content=message.content%}"
      "{%else%}{%set content=''%}{%endif%}"
      "{%if(message.role=='user')or(message.role=='system'and not loop.first)%}"
      "{{'<|im_start|>'+message.role+'\\n'+content+'<|im_end|>'+'\\n'}}"
      "{%elif message.role=='assistant'%}{%set reasoning_content=''%}"
      "{%if message.reasoning_content is string%}"
      "{%set reasoning_content=message.reasoning_content%}{%else%}{%if'</think>'in content%}"
      "{%set reasoning_content=content.split('</think>')[0].rstrip('\\n').split('<think>')[-1]"
      ".lstrip('\\n')%}"
      "{%set content=content.split('</think>')[-1].lstrip('\\n')%}{%endif%}{%endif%}",
      answer,
  };
}

constexpr std::string_view kBriefAnswer =
    "{%if loop.index0>ns.last_query_index%}{%if reasoning_content%}"
    "{{'<|im_start|>'+message.role+'\\n<think>\\n'+reasoning_content.strip('\\n')+'\\n</think>\\n\\n'+"
    "content.lstrip('\\n')}}{%else%}{{'<|im_start|>'+message.role+'\\n'+content}}{%endif%}";

struct Prompt {
  Qwen3 kind;
  std::string_view text;  // behind {%if add_generation_prompt%}
};
constexpr std::array<Prompt, 3> kPrompts{{
    {Qwen3::hybrid,
     "{{'<|im_start|>assistant\\n'}}{%if enable_thinking is defined and enable_thinking is false%}"
     "{{'<think>\\n\\n</think>\\n\\n'}}{%endif%}"},
    {Qwen3::instruct, "{{'<|im_start|>assistant\\n'}}"},
    {Qwen3::thinking, "{{'<|im_start|>assistant\\n<think>\\n'}}"},
}};

}  // namespace

ChatFormat qwen3(Qwen3 kind) {
  static constexpr std::array<std::string_view, 3> kNames{"qwen3", "qwen3-instruct", "qwen3-thinking"};
  ChatFormat::Spec spec;
  spec.name = kNames.at(static_cast<std::size_t>(kind));
  spec.stop_tokens = {"<|im_end|>", "<|endoftext|>"};
  spec.tool_parser = hermes_tools::parser;
  spec.calls = hermes_tools::syntax();
  if (kind != Qwen3::instruct) {
    spec.reasoning = ReasoningMarks{"<think>", "</think>"};
    spec.can_think = spec.thinking_by_default = true;
  }
  spec.render = [kind](std::span<const ChatMessage> messages, const ChatOptions& options) {
    return render(kind, messages, options);
  };
  return ChatFormat(std::move(spec));
}

std::optional<ChatFormat> match_qwen3(const ChatTemplate& text, Difference& difference) {
  const auto found = std::ranges::find_if(kPrompts, [&](const Prompt& prompt) {
    return text.ends_with(
        std::string("{%endfor%}{%if add_generation_prompt%}").append(prompt.text).append("{%endif%}"));
  });
  if (found == kPrompts.end()) {
    difference.text = "does not end with a generation prompt of Qwen3's";
    return std::nullopt;
  }
  const auto later = later_fragments(found->kind == Qwen3::instruct ? kBriefAnswer : kThoughtfulAnswer);
  Difference unused;
  if (has_all(text, later, difference) ||
      (found->kind == Qwen3::hybrid && has_all(text, kFirstRelease, unused)))
    return qwen3(found->kind);
  return std::nullopt;
}

}  // namespace dsa
