"""tests/goldens/smollm2/prompts.{json,safetensors}: what llama.cpp answers greedily to twenty prompts.

    python smollm2_llama_cpp.py SmolLM2-135M-Instruct.Q4_1.gguf           # all
    python smollm2_llama_cpp.py SmolLM2-135M-Instruct.Q4_1.gguf capital   # these, the others as they are

Needs llama-cpp-python 0.3.36 and jinja2, numpy, safetensors; no torch. Two threads, the default F16 cache, no flash
attention. An answer ends at 64 tokens or at its end-of-turn token, which is kept.
"""

import json
import pathlib
import sys

import jinja2
import llama_cpp
import numpy as np
from safetensors.numpy import load_file, save_file

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens" / "smollm2"
COUNT, TOP = 64, 4


def user(*contents):
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": content} for i, content in enumerate(contents)]


TEXT = (FOLDER / "text.txt").read_text()
PROMPTS = {
    "capital": user("What is the capital city of Italy?"),
    "poem": user("Write a short poem about the sea at night."),
    "arithmetic": user("Anna has 17 apples and gives 5 to Tom. Then she buys twice as many as she has left. How many now?"),
    "python": user("Write a Python function that checks whether a string is a palindrome."),
    "sky": user("Explain to a child why the sky is blue."),
    "list": user("List five healthy breakfast ideas, one line each."),
    "system": [
        {"role": "system", "content": "You are a pirate. Answer everything like a pirate would."},
        {"role": "user", "content": "How do I make a cup of tea?"},
    ],
    "turns": user(
        "My name is Maria and I study chemistry.",
        "Nice to meet you, Maria! How can I help you with chemistry?",
        "What is the difference between an acid and a base, and what was my name again?",
    ),
    "french": user("Traduis en anglais : « Le chat dort sur le canapé. »"),
    "persian": user("پایتخت ایران کجاست؟"),
    "chinese": user("请用中文介绍一下你自己。"),
    "emoji": user("What do these mean? 🎉🚀👩‍👩‍👧‍👦 é\u0301 ½"),
    "spaces": user("Fix   the\tspacing  of\n\n\nthis :   text .  "),
    "digits": user("What comes after 1, 1, 2, 3, 5, 8, 13, 21? And 3.14159265358979 rounded to 4 digits?"),
    "summary": user("Summarise this text in two sentences:\n\n" + TEXT[1200:4200]),
    "question_in_document": user(TEXT[20000:23500] + "\n\nWhat is the main point of the text above?"),
    "raw_story": "Once upon a time, in a village by a cold grey river, there lived",
    "raw_code": "#include <stdio.h>\n\nint main(void) {\n    for (int i = 0; i < 10; i++) {\n",
    "raw_encyclopedia": "The Roman Empire was",
    "raw_one_token": "The",
}


def main(path, only):
    assert llama_cpp.__version__ == "0.3.36", llama_cpp.__version__
    llm = llama_cpp.Llama(path, n_ctx=2048, n_threads=2, n_threads_batch=2, verbose=False)
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(llm.metadata["tokenizer.chat_template"])
    vocab = llama_cpp.llama_model_get_vocab(llm.model)
    old = json.loads((FOLDER / "prompts.json").read_text()) if only else []
    entries, numbers = [], load_file(FOLDER / "prompts.safetensors") if only else {}
    for i, (name, what) in enumerate(PROMPTS.items()):
        if only and name not in only:
            entries.append(old[i])
            continue
        chat = isinstance(what, list)
        text = template.render(messages=what, add_generation_prompt=True) if chat else what
        tokens = llm.tokenize(text.encode(), add_bos=False, special=chat)
        llm.reset()
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(llm.ctx), True)
        generated, ids, logits, step = [], [], [], tokens
        while len(generated) < COUNT:
            llm.eval(step)
            pointer = llama_cpp.llama_get_logits_ith(llm.ctx, -1)
            row = np.ctypeslib.as_array(pointer, shape=(llm.n_vocab(),)).copy()
            best = np.argsort(-row, kind="stable")[:TOP]
            ids.append(best.astype(np.int32))
            logits.append(row[best].astype(np.float32))
            step = [int(best[0])]
            generated += step
            if llama_cpp.llama_vocab_is_eog(vocab, step[0]):
                break
        numbers[f"top_ids.{i}"], numbers[f"top_logits.{i}"] = np.stack(ids), np.stack(logits)
        source = {"messages": what} if chat else {"raw": what}
        answer = llm.detokenize(generated, special=True).decode(errors="replace")
        entries.append({"name": name, **source, "prompt": text, "tokens": tokens, "generated": generated, "answer": answer})
        margins = np.stack(logits)[:, 0] - np.stack(logits)[:, 1]
        print(f"{name}: {len(tokens)} tokens, smallest margin {margins.min():.3f}: {answer[:70]!r}", flush=True)
    (FOLDER / "prompts.json").write_text(json.dumps(entries, ensure_ascii=False, indent=1) + "\n")
    save_file(numbers, FOLDER / "prompts.safetensors")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
