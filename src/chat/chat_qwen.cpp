// Qwen2.5, QwQ and Qwen3: ChatML with a default system message (2.5) or with reasoning (QwQ always, Qwen3 by
// default).
#include "chat/chat_families.h"

namespace dsa {
namespace {

constexpr std::string_view kPromptTail =
    "{%if add_generation_prompt%}{{'<|im_start|>assistant\\n'}}{%endif%}";
constexpr std::string_view kFirstSystem =
    "{%else%}{%if messages[0].role=='system'%}"
    "{{'<|im_start|>system\\n'+messages[0].content+'<|im_end|>\\n'}}{%endif%}{%endif%}";
constexpr std::string_view kQuestion =
    "{%if(message.role=='user')or(message.role=='system'and not loop.first)%}"
    "{{'<|im_start|>'+message.role+'\\n'+message.content+'<|im_end|>'+'\\n'}}";

PromptWriter& begin_message(PromptWriter& out, Role role) {
  return out.control("<|im_start|>").text(name(role)).text("\n");
}

void write_message(PromptWriter& out, Role role, std::string_view content) {
  begin_message(out, role).text(content).control("<|im_end|>").text("\n");
}

ChatFormat::Spec common_spec(std::string name) {
  ChatFormat::Spec spec;
  spec.name = std::move(name);
  spec.stop_tokens = {"<|im_end|>", "<|endoftext|>"};
  return spec;
}

// A tool's answer comes back as a message of the user in these tags; it asks nothing.
bool is_query(const ChatMessage& m) {
  return m.role == Role::user &&
         !(m.content.starts_with("<tool_response>") && m.content.ends_with("</tool_response>"));
}

// QwQ takes the reasoning away from all answers but one that ends the conversation.
std::vector<Segment> render_qwq(std::span<const ChatMessage> messages, const ChatOptions& options) {
  PromptWriter out;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    const bool cut = m.role == Role::assistant && i + 1 < messages.size();
    write_message(out, m.role, cut ? strip_newlines_left(after_reasoning(m.content)) : m.content);
  }
  if (!options.add_generation_prompt) return out.take();
  begin_message(out, Role::assistant).control("<think>").text("\n");
  if (options.thinking == Thinking::off) out.control("</think>");
  return out.take();
}

std::vector<Segment> render_qwen3(std::span<const ChatMessage> messages, const ChatOptions& options) {
  auto last_query = static_cast<std::ptrdiff_t>(messages.size()) - 1;
  for (std::size_t i = messages.size(); i-- > 0;)
    if (is_query(messages[i])) {
      last_query = static_cast<std::ptrdiff_t>(i);
      break;
    }
  PromptWriter out;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    if (m.role != Role::assistant) {
      write_message(out, m.role, m.content);
      continue;
    }
    const Answer answer = split_answer(m);
    const bool last = i + 1 == messages.size();
    if (static_cast<std::ptrdiff_t>(i) > last_query && (last || !answer.reasoning.empty())) {
      begin_message(out, m.role).control("<think>").text("\n");
      out.text(strip_newlines_right(strip_newlines_left(answer.reasoning))).text("\n");
      out.control("</think>").text("\n\n").text(strip_newlines_left(answer.content));
      out.control("<|im_end|>").text("\n");
    } else {
      write_message(out, m.role, answer.content);
    }
  }
  if (options.add_generation_prompt) {
    begin_message(out, Role::assistant);
    if (options.thinking == Thinking::off)
      out.control("<think>").text("\n\n").control("</think>").text("\n\n");
  }
  return out.take();
}

}  // namespace

ChatFormat qwen25(std::string default_system) {
  ChatFormat::Spec spec = common_spec("qwen2.5");
  spec.render = [system = std::move(default_system)](std::span<const ChatMessage> messages,
                                                     const ChatOptions& options) {
    PromptWriter out;
    if (messages[0].role != Role::system) write_message(out, Role::system, system);
    for (const ChatMessage& m : messages) write_message(out, m.role, m.content);
    if (options.add_generation_prompt) begin_message(out, Role::assistant);
    return out.take();
  };
  return ChatFormat(std::move(spec));
}

ChatFormat qwq(QwqPrompt style) {
  ChatFormat::Spec spec = common_spec("qwq");
  spec.reasoning = ReasoningMarks{"<think>", "</think>"};
  spec.can_think = true;
  spec.thinking_by_default = style == QwqPrompt::open;
  spec.render = render_qwq;
  return ChatFormat(std::move(spec));
}

ChatFormat qwen3() {
  ChatFormat::Spec spec = common_spec("qwen3");
  spec.reasoning = ReasoningMarks{"<think>", "</think>"};
  spec.can_think = spec.thinking_by_default = true;
  spec.render = render_qwen3;
  return ChatFormat(std::move(spec));
}

std::optional<ChatFormat> match_qwen25(const ChatTemplate& text, Difference& difference) {
  static constexpr std::string_view kFirst =
      "{%else%}{%if messages[0].role=='system'%}"
      "{{'<|im_start|>system\\n'+messages[0].content+'<|im_end|>\\n'}}{%else%}{{'<|im_start|>system\\n";
  static constexpr std::string_view kFirstEnd =
      "<|im_end|>\\n'}}{%endif%}{%endif%}{%for message in messages%}";
  if (!has_all(text,
               {kFirst, kFirstEnd,
                "{%if(message.role=='user')or(message.role=='system'and "
                "not loop.first)or(message.role=='assistant'and not message.tool_calls)%}"
                "{{'<|im_start|>'+message.role+'\\n'+message.content+'<|im_end|>'+'\\n'}}"},
               difference))
    return std::nullopt;
  const std::optional<std::string> system = text.between(kFirst, kFirstEnd);
  if (!text.ends_with("{%endfor%}" + std::string(kPromptTail)) || !system ||
      system->find("{%") != std::string::npos) {
    difference.text = "does not end with the generation prompt of Qwen2.5";
    return std::nullopt;
  }
  return qwen25(ChatTemplate::unescape(*system));
}

std::optional<ChatFormat> match_qwq(const ChatTemplate& text, Difference& difference) {
  if (!has_all(text,
               {kFirstSystem, kQuestion,
                "{%elif message.role=='assistant'and not message.tool_calls%}{%set content=message.content%}"
                "{%if not loop.last%}{%set content=message.content.split('</think>')[-1].lstrip('\\n')%}"
                "{%endif%}{{'<|im_start|>'+message.role+'\\n'+content+'<|im_end|>'+'\\n'}}"},
               difference))
    return std::nullopt;
  const std::string prompt = "{%endfor%}{%if add_generation_prompt%}{{'<|im_start|>assistant\\n<think>\\n'}}";
  if (text.ends_with(prompt + "{%endif%}")) return qwq(QwqPrompt::open);
  if (text.ends_with(prompt + "{%if not enable_thinking%}{{'</think>'}}{%endif%}{%endif%}"))
    return qwq(QwqPrompt::switched);
  difference.text = "does not end with the generation prompt of QwQ";
  return std::nullopt;
}

std::optional<ChatFormat> match_qwen3(const ChatTemplate& text, Difference& difference) {
  if (!has_all(
          text,
          {kFirstSystem, "{%set ns=namespace(multi_step_tool=true,last_query_index=messages|length-1)%}",
           kQuestion, "{%set content=message.content.split('</think>')[-1].lstrip('\\n')%}",
           "{%set reasoning_content=message.content.split('</think>')[0].rstrip('\\n').split('<think>')[-1]"
           ".lstrip('\\n')%}",
           "{%if loop.index0>ns.last_query_index%}{%if loop.last or(not loop.last and reasoning_content)%}"
           "{{'<|im_start|>'+message.role+'\\n<think>\\n'+reasoning_content.strip('\\n')+'\\n</think>\\n\\n'+"
           "content.lstrip('\\n')}}{%else%}{{'<|im_start|>'+message.role+'\\n'+content}}{%endif%}"},
          difference))
    return std::nullopt;
  if (!text.ends_with("{%endfor%}{%if add_generation_prompt%}{{'<|im_start|>assistant\\n'}}"
                      "{%if enable_thinking is defined and enable_thinking is false%}"
                      "{{'<think>\\n\\n</think>\\n\\n'}}{%endif%}{%endif%}")) {
    difference.text = "does not end with the generation prompt of Qwen3";
    return std::nullopt;
  }
  return qwen3();
}

}  // namespace dsa
