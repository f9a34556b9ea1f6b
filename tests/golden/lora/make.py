"""A small random Llama with biases and a random adapter as transformers and peft write them, with logits, loss and the adapter's gradients
in double precision.

usage: make.py OUT    (torch, transformers 5, peft, safetensors)
"""
import json
import shutil
import sys
from pathlib import Path

import torch
import transformers as t
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

sys.path.append(str(Path(__file__).resolve().parent.parent))
from random_adapter import with_random_adapter

CONFIG = t.LlamaConfig(vocab_size=61, hidden_size=40, intermediate_size=52, num_hidden_layers=2, num_attention_heads=4,
                       num_key_value_heads=2, head_dim=12, max_position_embeddings=64, attention_bias=True, tie_word_embeddings=False,
                       attn_implementation="eager", rope_parameters={"rope_type": "default", "rope_theta": 1e4})
ADAPTER = LoraConfig(r=6, lora_alpha=9, target_modules=["q_proj", "k_proj", "o_proj", "gate_proj", "down_proj"], task_type="CAUSAL_LM",
                     base_model_name_or_path="small-llama")


def randomise(model, seed):
    """Wide enough that attention, gates and adapters all matter: std 0.2; norms 1 +- 0.2."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(0.2 * torch.randn(p.shape, generator=g) + (1 if "norm" in name else 0))


def run(model, tokens):
    """A forward and a backward: logits, loss and the adapter's gradients, in peft's names."""
    model.zero_grad()
    out = model(tokens, labels=tokens)
    out.loss.backward()
    return out.logits.detach(), out.loss.item(), {n.replace(".default", ""): p.grad.clone() for n, p in model.named_parameters() if "lora_" in n}


def in_double(weights, tokens):
    """The same code in double precision also where it asks for single: norms, rotations and softmax."""
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    model = get_peft_model(t.AutoModelForCausalLM.from_config(CONFIG, attn_implementation="eager").double(), ADAPTER).double().eval()
    model.load_state_dict({n: w.double() for n, w in weights.items()})
    return run(model, tokens)


def main(out):
    base = t.AutoModelForCausalLM.from_config(CONFIG).float().eval()
    randomise(base, 300)
    base.save_pretrained(out)
    Path(out, "generation_config.json").unlink(missing_ok=True)
    model = with_random_adapter(base, ADAPTER, 301, out)
    tokens = torch.randint(CONFIG.vocab_size, (2, 29), generator=torch.Generator().manual_seed(302))
    logits32, loss32, gradients32 = run(model, tokens)
    logits, loss, gradients = in_double(model.state_dict(), tokens)
    save_file({"tokens": tokens.to(torch.int32), "logits": logits.to(logits32.dtype).contiguous()}, out / "reference.safetensors")
    (out / "gradients").mkdir(exist_ok=True)
    shutil.copy(out / "adapter" / "adapter_config.json", out / "gradients")
    save_file({n: d.to(logits32.dtype).contiguous() for n, d in gradients.items()}, out / "gradients" / "adapter_model.safetensors")
    far = max(((gradients32[n] - d).abs().max() / d.abs().max()).item() for n, d in gradients.items())
    measured = {"logits": (logits32 - logits).abs().max().item(), "loss": abs(loss32 - loss), "gradients": far,
                "logits_largest": logits.abs().max().item()}
    (out / "reference.json").write_text(json.dumps({"loss": loss, "measured_f32_minus_f64": measured}, indent=1) + "\n")
    print(loss, measured)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
