"""The tiny models: configs as published (old spelling of rope unless noted), dimensions as awkward as they come.

T is the prompt's length: past index_topk, past YaRN's original length and across three or four pages of 64 tokens.
kind: the stored types (tiny_models.py); shards: how the tensors are spread over files.
"""


def llama(**changes):
    base = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 257,
        "hidden_size": 60,
        "intermediate_size": 88,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "rope_scaling": None,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "torch_dtype": "float32",
    }
    return _merged(base, changes)


def qwen(version, **changes):
    base = llama(
        architectures=[f"Qwen{version}ForCausalLM"],
        model_type=f"qwen{version}",
        rms_norm_eps=1e-6,
        rope_theta=1000000.0,
        use_sliding_window=False,
        mlp_bias=None,
        attention_bias=None,
    )
    return _merged(base, changes)


def yarn(original, factor=4.0, mscale=1.0, all_dim=1.0):
    return {
        "type": "yarn",
        "factor": factor,
        "original_max_position_embeddings": original,
        "beta_fast": 32,
        "beta_slow": 1,
        "mscale": mscale,
        "mscale_all_dim": all_dim,
    }


def deepseek_v3(**changes):
    base = {
        "architectures": ["DeepseekV3ForCausalLM"],
        "model_type": "deepseek_v3",
        "vocab_size": 261,
        "hidden_size": 44,
        "intermediate_size": 60,
        "moe_intermediate_size": 10,
        "num_hidden_layers": 3,
        "first_k_dense_replace": 1,
        "moe_layer_freq": 1,
        "num_attention_heads": 5,
        "num_key_value_heads": 5,
        "q_lora_rank": 28,
        "kv_lora_rank": 22,
        "qk_nope_head_dim": 12,
        "qk_rope_head_dim": 10,
        "v_head_dim": 14,
        "n_routed_experts": 12,
        "n_shared_experts": 1,
        "num_experts_per_tok": 3,
        "n_group": 4,
        "topk_group": 2,
        "scoring_func": "sigmoid",
        "topk_method": "noaux_tc",
        "norm_topk_prob": True,
        "routed_scaling_factor": 2.5,
        "num_nextn_predict_layers": 0,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 256,
        "rope_theta": 1000.0,
        "rope_scaling": yarn(64),
        "attention_bias": False,
        "tie_word_embeddings": False,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "torch_dtype": "float32",
    }
    return _merged(base, changes)


def deepseek_v32(**changes):
    base = deepseek_v3(
        architectures=["DeepseekV32ForCausalLM"],
        model_type="deepseek_v32",
        index_n_heads=5,
        index_head_dim=18,
        index_topk=24,
    )
    return _merged(base, changes)


def glm(**changes):
    base = deepseek_v32(
        architectures=["GlmMoeDsaForCausalLM"],
        model_type="glm_moe_dsa",
        rms_norm_eps=1e-5,
        rope_theta=None,
        rope_scaling=None,
        rope_parameters={"rope_theta": 1000000.0, "rope_type": "default"},
        rope_interleave=True,
        indexer_rope_interleave=True,
        n_group=1,
        topk_group=1,
        eos_token_id=[1, 2, 3],
    )
    return _merged(base, changes)


def fp8(config):
    """The key that published FP8 folders carry, and the type they name."""
    scheme = {
        "quant_method": "fp8",
        "fmt": "e4m3",
        "activation_scheme": "dynamic",
        "weight_block_size": [128, 128],
        "scale_fmt": "ue8m0",
    }
    return _merged(config, {"torch_dtype": "bfloat16", "quantization_config": scheme})


def _merged(base, changes):
    return {key: value for key, value in {**base, **changes}.items() if value is not None or key == "q_lora_rank"}


LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 48,
}
# 130 rows, 150 columns, 134 rows ...: no dimension of these is a multiple of 128
FP8_DIMS = {
    "vocab_size": 257,
    "hidden_size": 150,
    "intermediate_size": 134,
    "moe_intermediate_size": 22,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "q_lora_rank": 130,
    "kv_lora_rank": 136,
    "n_routed_experts": 8,
    "torch_dtype": "bfloat16",
}

MODELS = {
    "llama_gqa": {"config": llama(num_hidden_layers=3), "T": 150},
    "deepseek_v3": {"config": deepseek_v3(), "T": 150},
    "deepseek_v32": {"config": deepseek_v32(), "T": 170},
    "llama_rope_llama3": {
        "config": llama(num_attention_heads=3, num_key_value_heads=3, rope_theta=500000.0, rope_scaling=LLAMA3),
        "T": 200,
        "shards": "thirds",
    },
    "llama_mqa_bias": {
        "config": llama(
            hidden_size=72, num_key_value_heads=1, attention_bias=True, mlp_bias=True, head_dim=10
        ),
        "T": 140,
    },
    "llama_tied": {
        "config": llama(tie_word_embeddings=True, vocab_size=301, num_attention_heads=5, num_key_value_heads=5),
        "T": 130,
    },
    "llama_rope_linear": {
        "config": llama(
            rope_scaling={"type": "linear", "factor": 2.5},
            num_attention_heads=10,
            num_key_value_heads=5,
            rms_norm_eps=0.02,
        ),
        "T": 160,
    },
    "llama_bf16": {"config": llama(torch_dtype="bfloat16", num_key_value_heads=3), "T": 150, "kind": "bf16"},
    "llama_f16": {"config": llama(torch_dtype="float16", num_attention_heads=5, num_key_value_heads=1), "T": 150, "kind": "f16"},
    "qwen2": {"config": qwen(2, vocab_size=263, num_attention_heads=5, num_key_value_heads=1), "T": 150},
    "qwen3": {"config": qwen(3, head_dim=24, num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-3), "T": 150},
    "deepseek_v3_no_q_lora": {
        "config": deepseek_v3(
            q_lora_rank=None, rope_scaling=yarn(32, 8.0, 0.707, 1.0), norm_topk_prob=False, n_shared_experts=2
        ),
        "T": 140,
    },
    "deepseek_v32_top1": {"config": deepseek_v32(index_topk=1, index_n_heads=3), "T": 130},
    "deepseek_v32_topk_past_T": {"config": deepseek_v32(index_topk=512, num_hidden_layers=2), "T": 130},
    "deepseek_v32_ties": {"config": deepseek_v32(index_topk=40, index_n_heads=2, num_hidden_layers=2), "T": 170},
    "deepseek_v32_mtp": {
        "config": deepseek_v32(num_hidden_layers=2, num_nextn_predict_layers=1, n_routed_experts=8, vocab_size=257),
        "T": 130,
        "shards": "thirds",
    },
    "deepseek_v32_bf16": {
        "config": deepseek_v32(torch_dtype="bfloat16", n_routed_experts=24, n_group=8, topk_group=4, num_experts_per_tok=8),
        "T": 200,
        "kind": "bf16",
    },
    "glm_moe_dsa": {"config": glm(), "T": 150},
    "glm_moe_dsa_shared": {
        "config": glm(
            num_hidden_layers=7,
            n_routed_experts=6,
            moe_intermediate_size=10,
            index_topk=20,
            indexer_types=["full", "full", "full", "shared", "shared", "shared", "full"],
            index_topk_freq=4,
            index_skip_topk_offset=3,
            torch_dtype="bfloat16",
        ),
        "T": 150,
        "kind": "bf16",
    },
    "deepseek_v32_fp8": {
        "config": fp8(deepseek_v32(**FP8_DIMS, index_n_heads=4, index_head_dim=32)),
        "T": 160,
        "kind": "fp8",
        "shards": "scales_apart",
    },
    "deepseek_v3_fp8_any_scale": {"config": fp8(deepseek_v3(**FP8_DIMS)), "T": 140, "kind": "fp8_any"},
}
