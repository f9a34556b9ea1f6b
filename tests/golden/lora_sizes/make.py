"""Random adapters of the model in lora/ whose ranks and scales differ from matrix to matrix, or are rank-stabilised, as peft writes them,
with logits in double precision.

usage: make.py OUT    (torch, transformers 5, peft, safetensors; lora beside OUT)
"""
import sys
from pathlib import Path

import torch
import transformers as t
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

sys.path.append(str(Path(__file__).resolve().parent.parent))
from random_adapter import with_random_adapter

COMMON = dict(task_type="CAUSAL_LM", base_model_name_or_path="small-llama")
ADAPTERS = {
    "patterns": LoraConfig(r=4, lora_alpha=6, target_modules=["q_proj", "k_proj", "up_proj", "down_proj"], **COMMON,
                           rank_pattern={"q_proj": 3, "^model.layers.1.mlp.down_proj": 5, "layers.0.mlp.up_proj": 1},
                           alpha_pattern={"self_attn.k_proj": 2.5, "layers.0.mlp.down_proj": 9}),
    "stabilised": LoraConfig(r=6, lora_alpha=3, target_modules=["v_proj", "o_proj"], use_rslora=True, rank_pattern={"o_proj": 2}, **COMMON),
}


def main(out):
    base = out.parent / "lora"
    weights = {}
    for seed, (name, adapter) in enumerate(ADAPTERS.items(), 501):
        model = t.AutoModelForCausalLM.from_pretrained(base, attn_implementation="eager").float().eval()
        model.name_or_path = adapter.base_model_name_or_path  # or peft writes the folder
        weights[name] = with_random_adapter(model, adapter, seed, out / name).state_dict()
    tokens = load_file(base / "reference.safetensors")["tokens"].long()
    single = torch.float32
    torch.float32 = torch.float = torch.float64  # also where the code asks for single: norms, rotations and softmax
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    config = t.AutoConfig.from_pretrained(base, attn_implementation="eager")
    logits = {}
    for name, adapter in ADAPTERS.items():
        model = get_peft_model(t.AutoModelForCausalLM.from_config(config, attn_implementation="eager").double(), adapter).double().eval()
        model.load_state_dict({n: w.double() for n, w in weights[name].items()})
        with torch.no_grad():
            double = model(tokens).logits
        assert double.dtype == torch.float64
        logits[name] = double.to(single).contiguous()
        print(name, logits[name].abs().max().item())
    save_file({"tokens": tokens.to(torch.int32), **logits}, out / "reference.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
