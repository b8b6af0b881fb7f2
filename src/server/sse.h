// Server-sent events: what a streamed answer is made of.
#pragma once

#include <string>
#include <string_view>

namespace dsa::server {

inline constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";
/// The last event of OpenAI's streams.
inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";
/// A comment, which clients pass over; proxies and watchdogs see that the stream lives.
inline constexpr std::string_view kSseKeepAlive = ": keep-alive\n\n";

/// An event of one line, as JSON without indentation is.
std::string sse_event(std::string_view line);

}  // namespace dsa::server
