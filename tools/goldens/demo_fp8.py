"""The FP8 models under the official demo's arithmetic, by our restatement (restate.py, demo=True).

Writes golden_demo.safetensors beside golden.safetensors, with the same tensors. It is what default compute approaches
on FP8 checkpoints; run tiny_models.py first.
"""

from restate import *

FP8_MODELS = ("deepseek_v32_fp8", "deepseek_v3_fp8_any_scale")
GREEDY = 16


def main():
    for name in FP8_MODELS:
        folder = GOLDENS / "models" / name
        config, tensors = json.loads((folder / "config.json").read_text()), load_tensors(folder)
        plain = load_file(folder / "golden.safetensors")
        model = DeepSeek(config, tensors, demo=True)
        tokens = plain["tokens"]
        logits = model.forward(tokens)
        golden = {"tokens": tokens, "logits": logits.contiguous()}
        golden.update({f"selected.{layer}": chosen.contiguous() for layer, chosen in model.selected.items()})
        golden.update({f"experts.{layer}": chosen.contiguous() for layer, chosen in model.experts.items()})

        sequence, margin = tokens.clone(), float("inf")
        for _ in range(GREEDY):
            row = model.forward(sequence)[-1]
            best = row.topk(2).values
            margin = min(margin, ((best[0] - best[1]) / row.std()).item())
            sequence = torch.cat([sequence, row.argmax().reshape(1)])
        golden["greedy"] = sequence[len(tokens) :].contiguous()
        save_file(golden, folder / "golden_demo.safetensors", metadata={"smallest_greedy_margin_std": f"{margin:.3f}"})

        std = logits.std()
        change = (logits - plain["logits"]).abs()
        exact = DeepSeek(config, tensors, demo=True, dtype=torch.float64)
        exact.forced_selected = {layer: golden[f"selected.{layer}"] for layer in model.selected}
        exact.forced_experts = {layer: golden[f"experts.{layer}"] for layer in model.experts}
        noise = (exact.forward(tokens) - logits).abs().max() / std
        print(
            f"{name}: against exact weights max {change.max() / std:.2f} rms {change.pow(2).mean().sqrt() / std:.3f} std; "
            f"float32 against float64, choices forced, {noise:.1e} std; smallest greedy margin {margin:.3f} std"
        )


if __name__ == "__main__":
    main()
