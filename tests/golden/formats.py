"""Makes formats/: files of weights as PyTorch and transformers write them: formats.py DIR.

hugging_face/ a small Llama in several files with an index; meta/ the same weights in Meta's layout, in two files cut as Llama 2's
are (the embedding along its width); meta3/ cut as Llama 3's are (the embedding along the vocabulary), in bf16; torch/ what else
torch.save writes. Needs torch, transformers and safetensors.
"""

import collections
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

out = pathlib.Path(sys.argv[1])
torch.manual_seed(1)
config = transformers.LlamaConfig(
    hidden_size=24,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    vocab_size=34,
    max_position_embeddings=64,
    tie_word_embeddings=False,
    rms_norm_eps=1e-5,
)
model = transformers.LlamaForCausalLM(config)
for p in model.parameters():  # exact in every format
    p.data = torch.randint(-64, 65, p.shape).float() / 64
model.save_pretrained(out / "hugging_face", max_shard_size="12KB")
(out / "hugging_face" / "generation_config.json").unlink(missing_ok=True)


def meta_rows(w, heads):  # from rotary pairs (i, i + size/2) to (2i, 2i + 1)
    return w.view(heads, 2, w.shape[0] // heads // 2, w.shape[1]).transpose(1, 2).reshape(w.shape)


def meta_weights():
    hf = model.state_dict()
    w = {
        "tok_embeddings.weight": hf["model.embed_tokens.weight"],
        "norm.weight": hf["model.norm.weight"],
        "output.weight": hf["lm_head.weight"],
    }
    names = {
        "attention.wq": "self_attn.q_proj",
        "attention.wk": "self_attn.k_proj",
        "attention.wv": "self_attn.v_proj",
        "attention.wo": "self_attn.o_proj",
        "feed_forward.w1": "mlp.gate_proj",
        "feed_forward.w2": "mlp.down_proj",
        "feed_forward.w3": "mlp.up_proj",
        "attention_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
    }
    for layer in range(config.num_hidden_layers):
        for name, theirs in names.items():
            t = hf[f"model.layers.{layer}.{theirs}.weight"]
            heads = {"attention.wq": config.num_attention_heads, "attention.wk": config.num_key_value_heads}.get(name)
            w[f"layers.{layer}.{name}.weight"] = t if heads is None else meta_rows(t, heads)
    return w


def cut(weights, parts, embedding_axis, dtype):
    files = [collections.OrderedDict() for _ in range(parts)]
    for name, t in weights.items():
        axis = 1 if any(s in name for s in (".wo.", ".w2.")) else embedding_axis if "tok_embeddings" in name else 0
        pieces = [t] * parts if t.dim() == 1 else t.chunk(parts, axis)
        for file, piece in zip(files, pieces):
            file[name] = piece.to(dtype).clone().contiguous()
    for file in files:
        file["rope.freqs"] = torch.ones(3)
    return files


weights = meta_weights()
save_file({k: v.contiguous() for k, v in weights.items()}, out / "meta_weights.safetensors")
params = {"dim": 24, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "multiple_of": 8, "norm_eps": 1e-05, "vocab_size": -1}
for folder, axis, dtype, more in (
    ("meta", 1, torch.float32, {}),
    ("meta3", 0, torch.bfloat16, {"vocab_size": 34, "rope_theta": 500000.0, "use_scaled_rope": False}),
):
    (out / folder).mkdir(parents=True, exist_ok=True)
    for i, file in enumerate(cut(weights, 2, axis, dtype)):
        torch.save(file, out / folder / f"consolidated.{i:02}.pth")
    # 2/3 of 4 times the width, times the multiplier, up to a multiple: 8 * ceil(int(0.61 * 64) / 8) = 40
    (out / folder / "params.json").write_text(json.dumps({**params, "ffn_dim_multiplier": 0.61, **more}))

(out / "torch").mkdir(parents=True, exist_ok=True)
layer = torch.nn.Linear(3, 2).to(torch.bfloat16)
layer.weight.data = torch.arange(6.0).view(2, 3).bfloat16() - 2
layer.bias.data = torch.tensor([0.5, -1.5]).bfloat16()
torch.save(layer.state_dict(), out / "torch/module.pth")
whole = torch.arange(12.0).view(4, 3)
torch.save(
    {
        "half": torch.tensor([[1.5], [-2.0]]).half(),
        "whole": whole,
        "rows": whole[1:3],
        "parameter": torch.nn.Parameter(whole[3]),
        "number": torch.tensor(7.0),
        "empty": torch.zeros(0, 4),
    },
    out / "torch/shared.pth",
)
torch.save({"turned": whole.T}, out / "torch/turned.pth")
torch.save({"ids": torch.arange(3)}, out / "torch/integers.pth")
torch.save({"step": 3}, out / "torch/number.pth")
torch.save({"list": [whole]}, out / "torch/list.pth")
torch.save(layer, out / "torch/whole_module.pth")
torch.save({"whole": whole}, out / "torch/old.pth", _use_new_zipfile_serialization=False)
