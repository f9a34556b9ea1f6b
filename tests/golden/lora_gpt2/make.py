"""A random adapter of variants/gpt2, whose q, k and v are one matrix [in, out], as peft writes it, with logits in double precision.

usage: make.py OUT    (torch, transformers 5, peft, safetensors; variants/gpt2 beside OUT)
"""
import json
import sys
from pathlib import Path

import torch
import transformers as t
from peft import LoraConfig
from safetensors.torch import save_file

sys.path.append(str(Path(__file__).resolve().parent.parent))
from random_adapter import with_random_adapter

ADAPTER = LoraConfig(r=3, lora_alpha=6, target_modules=["c_attn", "c_proj", "c_fc"], task_type="CAUSAL_LM", fan_in_fan_out=True,
                     base_model_name_or_path="small-gpt2")


def main(out):
    base = t.AutoModelForCausalLM.from_pretrained(out.parent / "variants/gpt2", attn_implementation="eager").float().eval()
    base.name_or_path = ADAPTER.base_model_name_or_path  # or peft writes the folder
    model = with_random_adapter(base, ADAPTER, 401, out)
    tokens = torch.randint(base.config.vocab_size, (2, 29), generator=torch.Generator().manual_seed(402))
    logits32 = model(tokens).logits.detach()
    single = logits32.dtype
    torch.float32 = torch.float = torch.float64  # also where the code asks for single: norms and softmax
    torch.Tensor.float = torch.Tensor.double
    logits = model.double()(tokens).logits.detach()
    assert logits.dtype == torch.float64
    save_file({"tokens": tokens.to(torch.int32), "logits": logits.to(single).contiguous()}, out / "reference.safetensors")
    measured = {"logits": (logits32 - logits).abs().max().item(), "logits_largest": logits.abs().max().item()}
    (out / "reference.json").write_text(json.dumps({"measured_f32_minus_f64": measured}, indent=1) + "\n")
    print(measured)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
