# Chat formats: a part of the tokenizer library, tests of their own.
target_sources(dsa_tokenizer PRIVATE chat_format.cpp chat_encode.cpp chat_template.cpp chat_families.cpp chat_chatml.cpp
  chat_deepseek.cpp chat_glm.cpp chat_llama3.cpp chat_qwen.cpp)
dsa_test(chat_test SOURCES chat_format_test.cpp chat_detect_test.cpp chat_encode_test.cpp
  DEPS dsa::tokenizer LABELS unit)
