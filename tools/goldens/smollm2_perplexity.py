"""tests/goldens/smollm2/golden.safetensors: transformers' loss on a public text, weights dequantised from the GGUF.

    python smollm2_perplexity.py SmolLM2-135M-Instruct.Q4_1.gguf

float32, eager attention. The text goes through in chunks with a growing cache (whole it would need several GB).
"""

import hashlib
import sys

from common import *

COUNT = 8192
CHUNK = 512
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def main(path):
    path = pathlib.Path(path).resolve()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest == SHA256, digest
    folder = GOLDENS / "smollm2"
    where = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(**where)
    text = (folder / "text.txt").read_text()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(ids) >= COUNT, len(ids)
    tokens = torch.tensor(ids[:COUNT])

    model = transformers.AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32, attn_implementation="eager")
    assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
    cache, nll = transformers.DynamicCache(), []
    for first in range(0, COUNT, CHUNK):
        part = tokens[first : first + CHUNK]
        logits = model(input_ids=part.unsqueeze(0), past_key_values=cache, use_cache=True).logits[0]
        target = tokens[first + 1 : first + CHUNK + 1]
        nll.append(F.cross_entropy(logits[: len(target)], target, reduction="none"))
        print(f"{first + CHUNK} tokens, perplexity {torch.cat(nll).mean().exp():.4f}", flush=True)
    nll = torch.cat(nll)
    perplexity = nll.double().mean().exp().item()
    save_file(
        {"tokens": tokens, "nll": nll.contiguous()},
        folder / "golden.safetensors",
        metadata={"perplexity": f"{perplexity:.9g}", "model_sha256": SHA256},
    )
    print(f"perplexity {perplexity:.6f} over {len(nll)} predictions; the text has {len(ids)} tokens")


if __name__ == "__main__":
    main(sys.argv[1])
