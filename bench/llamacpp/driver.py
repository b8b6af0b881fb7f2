"""Measures llama.cpp as `dsa bench --step` measures dsa: a command a line on stdin, a line of JSON back.

    python driver.py serve MODEL --threads N --context N [--states PREFIX]    the first line back says how it was loaded
      fill DEPTH              brings DEPTH tokens into the cache, or rewinds to them
      decode DEPTH TOKENS     tokens one by one from there, logits of each
      prefill DEPTH TOKENS    tokens in one batch after another, logits of the last
      memory                  the most memory the process held
    python driver.py quantize MODEL OUT

Runs in the environment that environment.py makes: the package's C interface alone, none of its Python classes.

PREFIX.DEPTH keeps a filled cache for the next run and for the other file of the same model: computing 32K tokens takes ten
minutes.  They are computed as a prompt of that length; a cache patched together of short prompts made the prefill after it
17 % slower (the decode not), so what is in it does matter.
"""

import argparse
import ctypes
import json
import os
import pathlib
import resource
import sys
import time

import llama_cpp as ll

BATCH = 512  # of a prefill: llama.cpp's default
SEQUENCE = 0
Q4_0 = 2  # LLAMA_FTYPE_MOSTLY_Q4_0
TOKEN_SEED = 1


@ll.llama_log_callback
def log_errors(level, text, _):
    if level == 4:  # GGML_LOG_LEVEL_ERROR
        sys.stderr.write(text.decode(errors="replace"))


def die(text):
    sys.exit(f"llama.cpp: {text}")


class Model:
    def __init__(self, path, threads, context, states):
        start = time.perf_counter()
        self.model = ll.llama_model_load_from_file(os.fsencode(path), ll.llama_model_default_params())
        if not self.model:
            die(f"{path} could not be loaded")
        params = ll.llama_context_default_params()
        params.n_ctx = context
        params.n_batch = params.n_ubatch = BATCH
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = ll.LLAMA_FLASH_ATTN_TYPE_ENABLED
        params.type_k = params.type_v = ll.GGML_TYPE_F16
        self.context = ll.llama_init_from_model(self.model, params)
        if not self.context:
            die(f"no context of {context} tokens for {path}")
        self.load_ms = 1000 * (time.perf_counter() - start)
        self.memory = ll.llama_get_memory(self.context)
        vocab = ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(self.model))
        # By position, as dsa bench: a cell measured again computes the same.
        self.ids = [(p * 2654435761 + TOKEN_SEED) % 2**32 % vocab for p in range(context)]
        self.batch = ll.llama_batch_init(BATCH, 0, 1)
        self.states = states
        self.filled = 0

    def put(self, first, count, wants_logits):
        b = self.batch
        b.n_tokens = count
        for i in range(count):
            b.token[i] = self.ids[first + i]
            b.pos[i] = first + i
            b.n_seq_id[i] = 1
            b.seq_id[i][0] = SEQUENCE
            b.logits[i] = wants_logits and i == count - 1

    def run(self):
        status = ll.llama_decode(self.context, self.batch)
        if status != 0:
            die(f"llama_decode gave {status}")

    def rewind(self, depth):
        if not ll.llama_memory_seq_rm(self.memory, SEQUENCE, depth, -1):
            die(f"the cache cannot be rewound to {depth}")
        self.filled = min(self.filled, depth)

    def fill(self, depth):
        state = pathlib.Path(f"{self.states}.{depth}") if self.states else None
        if self.filled < depth and state and state.exists():
            self.load(state, depth)
        computed = self.filled < depth
        while self.filled < depth:
            count = min(BATCH, depth - self.filled)
            self.put(self.filled, count, wants_logits=False)
            self.run()
            self.filled += count
        ll.llama_synchronize(self.context)
        self.rewind(depth)
        if computed and state:
            self.save(state, depth)
        return {"depth": depth}

    def save(self, state, depth):
        state.parent.mkdir(parents=True, exist_ok=True)
        partial = state.with_name(state.name + ".partial")
        tokens = (ll.llama_token * depth)(*self.ids[:depth])
        if not ll.llama_state_seq_save_file(self.context, os.fsencode(partial), SEQUENCE, tokens, depth):
            die(f"{partial} could not be written")
        partial.replace(state)

    def load(self, state, depth):
        self.rewind(0)
        tokens, count = (ll.llama_token * depth)(), ctypes.c_size_t()
        if not ll.llama_state_seq_load_file(self.context, os.fsencode(state), SEQUENCE, tokens, depth, ctypes.byref(count)):
            die(f"{state} could not be read: delete it and try again")
        self.filled = depth

    def decode(self, depth, tokens):
        return self.measure(depth, tokens, 1)

    def prefill(self, depth, tokens):
        return self.measure(depth, tokens, BATCH)

    def measure(self, depth, tokens, step):
        if self.filled < depth:
            die(f"the cache holds {self.filled} tokens, {depth} were asked for: fill it first")
        self.rewind(depth)
        seconds = 0.0
        for done in range(0, tokens, step):
            count = min(step, tokens - done)
            # What Python does to a batch is not llama.cpp's time.
            self.put(depth + done, count, wants_logits=step == 1 or done + count == tokens)
            start = time.perf_counter()
            self.run()
            ll.llama_synchronize(self.context)
            seconds += time.perf_counter() - start
        self.rewind(depth)
        return {"depth": depth, "tokens": tokens, "seconds": seconds}


def serve(options):
    model = Model(options.model, options.threads, options.context, options.states)
    verbs = {
        "fill": model.fill,
        "decode": model.decode,
        "prefill": model.prefill,
        "memory": lambda: {"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024},
    }
    system = ll.llama_print_system_info().decode()
    print(json.dumps({"load_ms": model.load_ms, "kernels": system}), flush=True)
    for line in sys.stdin:
        verb, *numbers = line.split()
        if verb not in verbs:
            die(f'"{line.strip()}": one of {", ".join(verbs)}')
        print(json.dumps(verbs[verb](*map(int, numbers))), flush=True)


def quantize(options):
    params = ll.llama_model_quantize_default_params()
    params.ftype = Q4_0
    params.allow_requantize = True
    if ll.llama_model_quantize(os.fsencode(options.model), os.fsencode(options.out), ctypes.byref(params)) != 0:
        die(f"{options.model} could not be quantised")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    served = verbs.add_parser("serve")
    served.set_defaults(run=serve)
    served.add_argument("model")
    served.add_argument("--threads", type=int, required=True)
    served.add_argument("--context", type=int, required=True)
    served.add_argument("--states")
    made = verbs.add_parser("quantize")
    made.set_defaults(run=quantize)
    made.add_argument("model")
    made.add_argument("out")
    options = parser.parse_args()
    ll.llama_log_set(log_errors, None)
    ll.llama_backend_init()
    options.run(options)


if __name__ == "__main__":
    main()
