"""tests/goldens/shapes/: one attention layer and one MoE layer at the published dimensions of DeepSeek-V3.2.

    python shapes.py attention    # a few minutes, about 4 GB
    python shapes.py moe          # a few minutes, about 4 GB

Weights and inputs come from counter_weights.py; the arithmetic is restate.py's in float64, rounded to float32 at the end.
Both layers get their input as it is after the norm. Experts E and E + 16 share their weights, so that a
machine needs to hold sixteen experts, not 256.
"""

import resource
import sys

from counter_weights import tensor
from restate import *

SEED = 20251117
LAYER = 3
TOKENS = 4096
MOE_TOKENS = 32
EXPERT_ALIASES = 16
COLUMN_STEP = 7
# around the page borders, around the first selection (2048 visible), then spread to the end
ROWS = [0, 1, 62, 63, 64, 65, 127, 128, 1023, 1024, 2045, 2046, 2047, 2048, 2049, 2050, 2111, 2112, 2113]
ROWS += list(range(2143, 4063, 45)) + [4094, 4095]
CONFIG = {
    "model_type": "deepseek_v32",
    "vocab_size": 129280,
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "num_hidden_layers": 61,
    "first_k_dense_replace": 3,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "index_n_heads": 64,
    "index_head_dim": 128,
    "index_topk": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "n_group": 8,
    "topk_group": 4,
    "norm_topk_prob": True,
    "routed_scaling_factor": 2.5,
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 163840,
    "rope_theta": 10000,
    "rope_scaling": {
        "type": "yarn",
        "factor": 40,
        "original_max_position_embeddings": 4096,
        "beta_fast": 32,
        "beta_slow": 1,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
    },
}
# name: (shape, exponent, offset); the names stand behind model.layers.3.
TENSORS = {
    "self_attn.q_a_proj.weight": ((1536, 7168), -6, 0),
    "self_attn.q_a_layernorm.weight": ((1536,), -1, 1),
    "self_attn.q_b_proj.weight": ((24576, 1536), -4, 0),
    "self_attn.kv_a_proj_with_mqa.weight": ((576, 7168), -6, 0),
    "self_attn.kv_a_layernorm.weight": ((512,), -1, 1),
    "self_attn.kv_b_proj.weight": ((32768, 512), -4, 0),
    "self_attn.o_proj.weight": ((7168, 16384), -6, 0),
    "self_attn.indexer.wq_b.weight": ((8192, 1536), -5, 0),
    "self_attn.indexer.wk.weight": ((128, 7168), -6, 0),
    "self_attn.indexer.k_norm.weight": ((128,), -1, 1),
    "self_attn.indexer.k_norm.bias": ((128,), -1, 0),
    "self_attn.indexer.weights_proj.weight": ((64, 7168), -6, 0),
    "mlp.gate.weight": ((256, 7168), -6, 0),
    "mlp.gate.e_score_correction_bias": ((256,), -2, -1),
}
EXPERT = {"gate_proj": ((2048, 7168), -6, 0), "up_proj": ((2048, 7168), -6, 0), "down_proj": ((7168, 2048), -5, 0)}
ATTENTION_INPUT = ("attention.x", (TOKENS, 7168), 1, 0)
MOE_INPUT = ("moe.x", (MOE_TOKENS, 7168), 1, 0)


class Generated:
    """Weights made when asked for, kept as BF16 and handed out as float64."""

    def __init__(self):
        self.kept = {}

    def __contains__(self, name):
        return not name.endswith(".bias") or name.removeprefix(f"model.layers.{LAYER}.") in TENSORS

    def __getitem__(self, name):
        name = name.removeprefix(f"model.layers.{LAYER}.")
        part = name.split(".")
        if name in TENSORS:
            spec = TENSORS[name]
        else:
            spec = EXPERT[part[-2]]
            if part[1] == "experts":
                part[2] = str(int(part[2]) % EXPERT_ALIASES)
            name = ".".join(part)
        if name not in self.kept:
            self.kept[name] = tensor(SEED, f"model.layers.{LAYER}.{name}", *spec)
        return self.kept[name].double()


def model():
    made = DeepSeek(CONFIG, {}, dtype=torch.float64)
    made.w = Generated()
    return made


def save(name, tensors):
    folder = GOLDENS / "shapes"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    tensors = {key: value.contiguous() for key, value in tensors.items()}
    save_file(tensors, folder / f"{name}.safetensors", metadata={"seed": str(SEED), "layer": str(LAYER)})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name}: {(folder / (name + '.safetensors')).stat().st_size / 1e6:.2f} MB, peak memory {peak:.1f} GB")


def attention():
    rows, made = torch.tensor(ROWS), model()
    assert len(ROWS) == 64 and ROWS == sorted(set(ROWS))
    x = tensor(SEED, *ATTENTION_INPUT).double()
    made.rope_setup(TOKENS)
    out, _ = made.attention(f"model.layers.{LAYER}.self_attn.", LAYER, x, None, rows)
    columns = torch.arange(0, out.shape[1], COLUMN_STEP)
    selected, scores = made.selected[LAYER], made.scores
    ordered = scores.sort(dim=-1, descending=True).values
    topk = CONFIG["index_topk"]
    gap = ordered[:, topk - 1] - ordered[:, topk]
    sparse = rows >= topk
    visible = scores.masked_fill(scores == -math.inf, math.inf).amin(-1)
    spread = (ordered[:, 0] - visible)[sparse]
    print(f"output std {out.std():.3f}; gap at the threshold / range: smallest {(gap[sparse] / spread).min():.1e}")
    made.wrong = "dense"
    dense, _ = made.attention(f"model.layers.{LAYER}.self_attn.", LAYER, x, None, rows)
    print(f"dense attention differs by {(dense - out)[sparse].std() / out[sparse].std():.2f} std rms where it can")
    save(
        "attention",
        {
            "rows": rows.int(),
            "columns": columns.int(),
            "output": out[:, columns].float(),
            "selected": selected,
            "scores": scores.float(),
            "threshold": ordered[:, topk - 1].float(),
            "gap": torch.where(sparse, gap, math.inf).float(),
        },
    )


def moe():
    made = model()
    x = tensor(SEED, *MOE_INPUT).double()
    out = made.moe(f"model.layers.{LAYER}.mlp.", LAYER, x)
    ordered = made.biased.sort(dim=-1, descending=True).values
    k = CONFIG["num_experts_per_tok"]
    gap = ordered[:, k - 1] - ordered[:, k]
    columns = torch.arange(0, out.shape[1], COLUMN_STEP)
    used = len(made.experts[LAYER].unique())
    print(f"output std {out.std():.3f}; {used} experts used; smallest gap of biased scores {gap.min():.1e}")
    assert gap.min() > 1e-5
    save(
        "moe",
        {
            "columns": columns.int(),
            "output": out[:, columns].float(),
            "experts": made.experts[LAYER],
            "weights": made.expert_weights.float(),
            "gap": gap.float(),
        },
    )


if __name__ == "__main__":
    for what in sys.argv[1:] or ["attention", "moe"]:
        {"attention": attention, "moe": moe}[what]()
