"""BEATs checkpoints as they are published, from the facts in models.md (sections 3 and 3.1)."""

from __future__ import annotations

from collections import OrderedDict

import torch

NAMES = ("beats-iter1", "beats-iter2", "beats-iter3", "beats-iter3-ft")
FILES = {
    "beats-iter1": "BEATs_iter1.pt",
    "beats-iter2": "BEATs_iter2.pt",
    "beats-iter3": "BEATs_iter3.pt",
    "beats-iter3-ft": "BEATs_iter3_finetuned_on_AS2M_cpt1.pt",
}
LAYERS = {name: {str(i): 768 for i in range(13)} for name in NAMES}
PARAMETERS = dict.fromkeys(NAMES, 90_311_792) | {"beats-iter3-ft": 90_717_055}
N_KEYS = dict.fromkeys(NAMES, 250) | {"beats-iter3-ft": 252}

CFG = {
    "input_patch_size": 16,
    "embed_dim": 512,
    "conv_bias": False,
    "encoder_layers": 12,
    "encoder_embed_dim": 768,
    "encoder_ffn_embed_dim": 3072,
    "encoder_attention_heads": 12,
    "activation_fn": "gelu",
    "layer_wise_gradient_decay_ratio": 0.6,
    "layer_norm_first": False,
    "deep_norm": True,
    "dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "encoder_layerdrop": 0.05,
    "dropout_input": 0.0,
    "conv_pos": 128,
    "conv_pos_groups": 16,
    "relative_position_embedding": True,
    "num_buckets": 320,
    "max_distance": 800,
    "gru_rel_pos": True,
}


def cfg(name, **sizes):
    """The plain dictionary of a file; ``sizes`` for a smaller network."""
    tuned = {"finetuned_model": True, "predictor_dropout": 0.0, "predictor_class": 527}
    return CFG | (tuned if name == "beats-iter3-ft" else {}) | sizes


def shapes(name, **sizes):
    """Key to shape of every tensor, in the order of the file."""
    c = cfg(name, **sizes)
    width, inner, heads = (
        c[f"encoder_{k}"] for k in ("embed_dim", "ffn_embed_dim", "attention_heads")
    )
    patch, side, groups = c["embed_dim"], c["input_patch_size"], c["conv_pos_groups"]
    out = {
        "patch_embedding.weight": (patch, 1, side, side),
        "layer_norm.weight": (patch,),
        "layer_norm.bias": (patch,),
        "post_extract_proj.weight": (width, patch),
        "post_extract_proj.bias": (width,),
        "encoder.pos_conv.0.bias": (width,),
        "encoder.pos_conv.0.weight_g": (1, 1, c["conv_pos"]),
        "encoder.pos_conv.0.weight_v": (width, width // groups, c["conv_pos"]),
        "encoder.layer_norm.weight": (width,),
        "encoder.layer_norm.bias": (width,),
    }
    linear = {f"self_attn.{p}_proj": (width, width) for p in "kvq"} | {
        "self_attn.out_proj": (width, width)
    }
    linear |= {
        "self_attn.grep_linear": (8, width // heads),
        "fc1": (inner, width),
        "fc2": (width, inner),
    }
    for i in range(c["encoder_layers"]):
        block = f"encoder.layers.{i}."
        out[f"{block}self_attn.grep_a"] = (1, heads, 1, 1)
        out[f"{block}self_attn.relative_attention_bias.weight"] = (c["num_buckets"], heads)
        for path, shape in linear.items():
            out[f"{block}{path}.weight"], out[f"{block}{path}.bias"] = shape, shape[:1]
        for path in ("self_attn_layer_norm", "final_layer_norm"):
            out[f"{block}{path}.weight"] = out[f"{block}{path}.bias"] = (width,)
    if c.get("finetuned_model"):
        out["predictor.weight"] = (c["predictor_class"], width)
        out["predictor.bias"] = (c["predictor_class"],)
    return out


def state(name, fill, **sizes):
    """Tensors by key; the twelve keys of the shared table are one tensor, of the first's value."""
    shared, out = None, OrderedDict()
    for key, shape in shapes(name, **sizes).items():
        if key.endswith("relative_attention_bias.weight"):
            if shared is None:
                shared = torch.from_numpy(fill(key, shape))
            out[key] = shared
        else:
            out[key] = torch.from_numpy(fill(key, shape))
    return out


def write(name, folder, fill, **sizes):
    """The released file under its released name; ``fill`` gives each tensor by key and shape."""
    content = {"cfg": cfg(name, **sizes), "model": state(name, fill, **sizes)}
    if name == "beats-iter3-ft":
        content["label_dict"] = {i: f"/m/{i:05d}" for i in range(content["cfg"]["predictor_class"])}
    torch.save(content, folder / FILES[name])
