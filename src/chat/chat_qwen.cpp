// Qwen2.5 and QwQ: ChatML with a default system message, or with reasoning before every answer.
#include "chat/tool_families.h"

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

ChatFormat::Spec qwen_spec(std::string name) {
  ChatFormat::Spec spec;
  spec.name = std::move(name);
  spec.stop_tokens = {"<|im_end|>", "<|endoftext|>"};
  spec.tool_parser = hermes_tools::parser;
  spec.calls = hermes_tools::syntax();
  return spec;
}

// QwQ takes the reasoning away from all answers but one that ends the conversation.
std::vector<Segment> render_qwq(std::span<const ChatMessage> messages, const ChatOptions& options) {
  PromptWriter out;
  const bool has_system = messages[0].role == Role::system;
  if (!options.tools.empty())
    write_system_with_tools(out, has_system ? messages[0].content : "", options.tools);
  for (std::size_t i = !options.tools.empty() && has_system ? 1 : 0; i < messages.size(); ++i) {
    const ChatMessage& m = messages[i];
    if (m.role == Role::tool) {
      const auto results = results_at(messages, i);
      hermes_tools::write_results(out, results);
      i += results.size() - 1;
      continue;
    }
    const bool cut = m.role == Role::assistant && i + 1 < messages.size();
    begin_message(out, m.role).text(cut ? strip_newlines_left(after_reasoning(m.content)) : m.content);
    hermes_tools::write_calls(out, m.tool_calls, /*after_text=*/!m.content.empty());
    end_message(out);
  }
  if (!options.add_generation_prompt) return out.take();
  begin_message(out, Role::assistant).control("<think>").text("\n");
  if (options.thinking == Thinking::off) out.control("</think>");
  return out.take();
}

}  // namespace

ChatFormat qwen25(std::string default_system) {
  ChatFormat::Spec spec = qwen_spec("qwen2.5");
  spec.render = [system = std::move(default_system)](std::span<const ChatMessage> messages,
                                                     const ChatOptions& options) {
    PromptWriter out;
    write_chatml(out, messages, options.tools, system);
    if (options.add_generation_prompt) begin_message(out, Role::assistant);
    return out.take();
  };
  return ChatFormat(std::move(spec));
}

ChatFormat qwq(QwqPrompt style) {
  ChatFormat::Spec spec = qwen_spec("qwq");
  spec.reasoning = ReasoningMarks{"<think>", "</think>"};
  spec.can_think = true;
  spec.thinking_by_default = style == QwqPrompt::open;
  spec.render = render_qwq;
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

}  // namespace dsa
