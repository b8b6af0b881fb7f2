# llm-comply checks the chat API's answers against OpenAI's own document.
# Not run: chat-tool-calling and chat-image-input (this server calls no tools and reads no images: both are a 400 that
# says so), chat-error-handling (it wants a request without a model to be refused: here it goes to the first).
source "$(dirname "$0")/lib.sh"

environment llm-comply 0.5.0
serve '{"context": 2000, "answers": [{"text": "Hello Alice!"}]}'
"$venv/bin/llm-comply" -u "$url/v1" -k none -m script --format openai-chat --timeout 30 -v \
  -f chat-basic-response,chat-system-prompt,chat-multi-turn,chat-streaming-response,chat-streaming-usage
