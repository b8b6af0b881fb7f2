// Llama 3.1, 3.2 and 3.3: every conversation begins with a system block that states two dates.
#include "base/error.h"
#include "chat/tool_families.h"

namespace dsa {
namespace {

constexpr std::string_view kFixedDate = "26 Jul 2024";  // the templates' own fallback

PromptWriter& begin(PromptWriter& out, std::string_view role) {
  return out.control("<|start_header_id|>").text(role).control("<|end_header_id|>").text("\n\n");
}

void write_message(PromptWriter& out, const ChatMessage& m) {
  // Results of tools come as from a shell of Python's.
  begin(out, m.role == Role::tool ? "ipython" : name(m.role));
  if (m.role == Role::tool)
    llama3_tools::write_result(out, m);
  else if (!m.tool_calls.empty())
    llama3_tools::write_calls(out, m.tool_calls);
  else
    out.text(strip(m.content));
  out.control("<|eot_id|>");
}

std::vector<Segment> render_llama3(std::span<const ChatMessage> messages, const ChatOptions& options) {
  std::string dates = "Cutting Knowledge Date: December 2023\nToday Date: ";
  dates.append(options.date.empty() ? kFixedDate : std::string_view(options.date)).append("\n\n");
  PromptWriter out;
  out.control("<|begin_of_text|>");
  const bool has_system = messages[0].role == Role::system;
  begin(out, "system").text(options.tools.empty() ? "" : "Environment: ipython\n").text(dates);
  out.text(has_system ? strip(messages[0].content) : "").control("<|eot_id|>");
  messages = messages.subspan(has_system ? 1 : 0);
  if (!options.tools.empty()) {
    if (messages.empty())
      fail("chat: the chat format llama-3 tells of tools in the first question, and there is none");
    llama3_tools::write_tools(begin(out, "user"), options.tools);
    out.text(strip(messages[0].content)).control("<|eot_id|>");
    messages = messages.subspan(1);
  }
  for (const ChatMessage& m : messages) write_message(out, m);
  if (options.add_generation_prompt) begin(out, "assistant");
  return out.take();
}

}  // namespace

ChatFormat llama3(bool wants_today) {
  ChatFormat::Spec spec;
  spec.name = "llama-3";
  spec.stop_tokens = {"<|eot_id|>", "<|end_of_text|>", "<|eom_id|>"};
  spec.wants_today = wants_today;
  spec.render = render_llama3;
  spec.tool_parser = llama3_tools::parser;
  spec.calls = llama3_tools::syntax();
  return ChatFormat(std::move(spec));
}

std::optional<ChatFormat> match_llama3(const ChatTemplate& text, Difference& difference) {
  if (!has_all(text,
               {"{{bos_token}}",
                "{%if messages[0].role=='system'%}{%set system_message=messages[0].content|trim%}"
                "{%set messages=messages[1:]%}{%else%}{%set system_message=''%}{%endif%}",
                "{{'<|start_header_id|>system<|end_header_id|>\\n\\n'}}",
                "{{'Cutting Knowledge Date: December 2023\\n'}}{{'Today Date: '+date_string+'\\n\\n'}}",
                "{{system_message}}{{'<|eot_id|>'}}",
                "{%if not(message.role=='ipython'or message.role=='tool'or'tool_calls'in message)%}"
                "{{'<|start_header_id|>'+message.role+'<|end_header_id|>\\n\\n'+message.content|trim+'<|eot_"
                "id|>'}}"},
               difference))
    return std::nullopt;
  static constexpr std::string_view kFallback = "{%set date_string='26 Jul 2024'%}";
  if (!text.has(kFallback) ||
      !text.ends_with("{%endfor%}{%if add_generation_prompt%}"
                      "{{'<|start_header_id|>assistant<|end_header_id|>\\n\\n'}}{%endif%}")) {
    difference.text = "has another date or generation prompt";
    return std::nullopt;
  }
  return llama3(/*wants_today=*/text.has("{%set date_string=strftime_now('%d %b %Y')%}"));
}

}  // namespace dsa
