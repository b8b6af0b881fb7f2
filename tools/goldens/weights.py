"""Random weights with the tensor names of the published checkpoints.

Gains are chosen so that everything matters: attention is peaked enough for the selection to change the logits, norm
weights and biases are far from one and zero, and the router's correction bias is large enough to overrule the scores.
"""

import torch


def llama_weights(init, c, q_gain=2.0):
    """Llama, Qwen2 and Qwen3 (published names)."""
    hidden, heads, kv = c["hidden_size"], c["num_attention_heads"], c["num_key_value_heads"]
    dim = c.get("head_dim") or hidden // heads
    qwen2, qwen3 = c["model_type"] == "qwen2", c["model_type"] == "qwen3"
    t = _ends(init, c)
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        _norms(init, t, p, hidden)
        a = p + "self_attn."
        shapes = {"q_proj": (heads * dim, hidden), "k_proj": (kv * dim, hidden), "v_proj": (kv * dim, hidden)}
        shapes["o_proj"] = (hidden, heads * dim)
        for name, (rows, cols) in shapes.items():
            gain = q_gain if name == "q_proj" else 1.0
            t[f"{a}{name}.weight"] = init.linear(f"{a}{name}.weight", rows, cols, gain)
            if c.get("attention_bias") or (qwen2 and name != "o_proj"):
                t[f"{a}{name}.bias"] = init.normal(f"{a}{name}.bias", rows, std=0.5)
        if qwen3:
            for name in ("q_norm", "k_norm"):
                t[f"{a}{name}.weight"] = init.norm(f"{a}{name}.weight", dim) * 1.4
        _mlp(init, t, p + "mlp.", hidden, c["intermediate_size"])
        if c.get("mlp_bias"):
            for name, rows in (("gate", c["intermediate_size"]), ("up", c["intermediate_size"]), ("down", hidden)):
                t[f"{p}mlp.{name}_proj.bias"] = init.normal(f"{p}mlp.{name}_proj.bias", rows, std=0.3)
    return t


def deepseek_weights(init, c):
    """DeepSeek-V3, V3.2 and GLM-MoE-DSA (docs/checkpoints.md, "Tensors"), with the MTP layer if the config counts one."""
    t = _ends(init, c)
    layers = c["num_hidden_layers"]
    for i in range(layers):
        p = f"model.layers.{i}."
        _norms(init, t, p, c["hidden_size"])
        _mla(init, t, p + "self_attn.", c, _has_indexer(c, i))
        if i < c["first_k_dense_replace"]:
            _mlp(init, t, p + "mlp.", c["hidden_size"], c["intermediate_size"])
        else:
            _moe(init, t, p + "mlp.", c)
    for i in range(layers, layers + c.get("num_nextn_predict_layers", 0)):
        _mtp(init, t, f"model.layers.{i}.", c)
    return t


def _has_indexer(c, layer):
    return "index_topk" in c and c.get("indexer_types", ["full"] * (layer + 1))[layer] == "full"


def _ends(init, c):
    vocab, hidden = c["vocab_size"], c["hidden_size"]
    tied = c.get("tie_word_embeddings", False)
    t = {"model.embed_tokens.weight": init.normal("model.embed_tokens.weight", vocab, hidden, std=0.25 if tied else 1)}
    t["model.norm.weight"] = init.norm("model.norm.weight", hidden)
    if not tied:
        t["lm_head.weight"] = init.linear("lm_head.weight", vocab, hidden, 2.0)
    return t


def _norms(init, t, p, hidden):
    for name in ("input_layernorm", "post_attention_layernorm"):
        t[f"{p}{name}.weight"] = init.norm(f"{p}{name}.weight", hidden)


def _mlp(init, t, p, hidden, inter, gain=1.5):
    for name, rows, cols in (("gate", inter, hidden), ("up", inter, hidden), ("down", hidden, inter)):
        t[f"{p}{name}_proj.weight"] = init.linear(f"{p}{name}_proj.weight", rows, cols, gain)


def _mla(init, t, p, c, indexer):
    hidden, heads, rank, rope = c["hidden_size"], c["num_attention_heads"], c["kv_lora_rank"], c["qk_rope_head_dim"]
    nope, value, q_rank = c["qk_nope_head_dim"], c["v_head_dim"], c["q_lora_rank"]

    def linear(name, rows, cols, gain=1.0):
        t[f"{p}{name}.weight"] = init.linear(f"{p}{name}.weight", rows, cols, gain)

    if q_rank is None:
        linear("q_proj", heads * (nope + rope), hidden, 2.0)
    else:
        linear("q_a_proj", q_rank, hidden)
        t[f"{p}q_a_layernorm.weight"] = init.norm(f"{p}q_a_layernorm.weight", q_rank)
        linear("q_b_proj", heads * (nope + rope), q_rank, 2.0)
    linear("kv_a_proj_with_mqa", rank + rope, hidden)
    t[f"{p}kv_a_layernorm.weight"] = init.norm(f"{p}kv_a_layernorm.weight", rank)
    linear("kv_b_proj", heads * (nope + value), rank)
    linear("o_proj", hidden, heads * value)
    if c.get("attention_bias"):
        for name, rows in (("q_a_proj", q_rank), ("kv_a_proj_with_mqa", rank + rope), ("o_proj", hidden)):
            t[f"{p}{name}.bias"] = init.normal(f"{p}{name}.bias", rows, std=0.5)
    if indexer:
        i_heads, dim = c["index_n_heads"], c["index_head_dim"]
        linear("indexer.wq_b", i_heads * dim, q_rank)
        linear("indexer.wk", dim, hidden)
        t[f"{p}indexer.k_norm.weight"] = init.norm(f"{p}indexer.k_norm.weight", dim)
        t[f"{p}indexer.k_norm.bias"] = init.normal(f"{p}indexer.k_norm.bias", dim, std=0.4)
        linear("indexer.weights_proj", i_heads, hidden)


def _moe(init, t, p, c):
    hidden, experts, inter = c["hidden_size"], c["n_routed_experts"], c["moe_intermediate_size"]
    t[f"{p}gate.weight"] = init.linear(f"{p}gate.weight", experts, hidden, 1.5)
    # all below zero: most biased scores are negative, so masking a group with 0 instead of -inf would choose from it
    bias = init.uniform(f"{p}gate.e_score_correction_bias", experts, low=-1.3, high=-0.6)
    t[f"{p}gate.e_score_correction_bias"] = bias.to(torch.float32)
    for e in range(experts):
        _mlp(init, t, f"{p}experts.{e}.", hidden, inter)
    _mlp(init, t, f"{p}shared_experts.", hidden, inter * c["n_shared_experts"])


def _mtp(init, t, p, c):
    hidden, vocab = c["hidden_size"], c["vocab_size"]
    _norms(init, t, p, hidden)
    _mla(init, t, p + "self_attn.", c, "index_topk" in c)
    _moe(init, t, p + "mlp.", c)
    for name in ("enorm", "hnorm", "shared_head.norm"):
        t[f"{p}{name}.weight"] = init.norm(f"{p}{name}.weight", hidden)
    t[f"{p}eh_proj.weight"] = init.linear(f"{p}eh_proj.weight", hidden, 2 * hidden)
    t[f"{p}embed_tokens.weight"] = t["model.embed_tokens.weight"].clone()
    t[f"{p}shared_head.head.weight"] = t["lm_head.weight"].clone()
    assert t[f"{p}embed_tokens.weight"].shape == (vocab, hidden)
