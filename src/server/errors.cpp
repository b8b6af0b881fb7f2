#include "server/errors.h"

#include "base/json.h"
#include "engine/engine.h"

namespace dsa::server {
namespace {

std::string_view type_of(int status) {
  if (status == 401) return "authentication_error";
  if (status == 402) return "billing_error";
  if (status == 404) return "not_found_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

std::string_view code_of(int status) {
  switch (status) {
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 408:
      return "request_timeout";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_exceeded";
    case 503:
      return "overloaded";
    default:
      return status >= 500 ? "server_error" : "invalid_request";
  }
}

}  // namespace

ApiError invalid_value(std::string param, const std::string& message) {
  return {400, "invalid_value", message, std::move(param)};
}

ApiError context_exceeded(std::int64_t prompt_tokens, std::int64_t context, std::string param) {
  ApiError error(
      400, "context_length_exceeded",
      fmt::format("This model's maximum context length is {} tokens. However, your {} resulted in {} "
                  "tokens, and the answer needs room too. Please reduce the length of the {}.",
                  context, param, prompt_tokens, param),
      param);
  error.prompt_tokens = prompt_tokens;
  error.context = context;
  return error;
}

ApiError draining_error() {
  ApiError error(503, "server_draining", "the server is being shut down: ask another one, or this one later");
  error.retry_after_s = 5;
  return error;
}

ApiError refused_by_engine(const RequestError& error) {
  switch (error.why()) {
    case Refused::draining:
      return draining_error();
    case Refused::queue_full: {
      ApiError full(503, "queue_full", error.what());
      full.retry_after_s = 1;
      return full;
    }
    case Refused::context_length:
      return {400, "context_length_exceeded", error.what()};
    case Refused::invalid:
      break;
  }
  return {400, "invalid_value", error.what()};
}

std::string error_json(const ApiError& error) {
  nlohmann::ordered_json fields{{"message", error.what()},
                                {"type", type_of(error.status())},
                                {"param", nullptr},
                                {"code", error.code()}};
  if (!error.param().empty()) fields["param"] = error.param();
  if (error.prompt_tokens >= 0) fields["n_prompt_tokens"] = error.prompt_tokens;
  if (error.context >= 0) fields["n_ctx"] = error.context;
  return json_text(nlohmann::ordered_json{{"error", std::move(fields)}});
}

HttpHeaders error_headers(const ApiError& error) {
  HttpHeaders headers = error.headers;
  if (error.retry_after_s >= 0) headers.emplace_back("Retry-After", std::to_string(error.retry_after_s));
  if (error.status() == 401) headers.emplace_back("WWW-Authenticate", "Bearer");
  return headers;
}

HttpAnswer error_answer(const ApiError& error) {
  return {.status = error.status(), .body = error_json(error) + "\n", .headers = error_headers(error)};
}

HttpAnswer plain_error(int status, const std::string& why) {
  ApiError error(status, std::string(code_of(status)), why);
  if (status == 429 || status == 503) error.retry_after_s = 1;
  return error_answer(error);
}

}  // namespace dsa::server
