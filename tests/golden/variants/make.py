"""Small random models of other architectures as transformers writes them, with their logits, loss and gradients in double precision.

usage: make.py OUT    (torch, transformers 5, safetensors)
"""
import json
import sys
from pathlib import Path

import torch
import transformers as t
from safetensors.torch import save_file

COMMON = dict(vocab_size=97, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
              max_position_embeddings=64, rms_norm_eps=1e-5, attn_implementation="eager")
ROPE = {"rope_type": "default", "rope_theta": 1e4}
CASES = {
    "llama3": t.LlamaConfig(**COMMON, head_dim=16, tie_word_embeddings=False, rope_parameters={
        "rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32}),
    "mistral": t.MistralConfig(**COMMON, head_dim=8, sliding_window=7, tie_word_embeddings=False, rope_parameters=ROPE),
    "qwen2": t.Qwen2Config(**COMMON, tie_word_embeddings=True, rope_parameters=ROPE | {"rope_theta": 1e6}),
    "qwen3": t.Qwen3Config(**COMMON, head_dim=16, tie_word_embeddings=True, rope_parameters=ROPE | {"rope_theta": 1e6}),
    "gemma": t.GemmaConfig(**COMMON, head_dim=16, hidden_act="gelu_pytorch_tanh", rope_parameters=ROPE,
                           pad_token_id=None),  # or the embedding of token 0 would get no gradient
    "gpt2": t.GPT2Config(vocab_size=97, n_embd=48, n_layer=2, n_head=6, n_positions=64, attn_implementation="eager",
                         resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0),
}


def randomise(model, seed):
    """Wide enough that attention, gates and norms all matter: std 0.2; norms 1 +- 0.2, Gemma's 0 +- 0.2."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(0.2 * torch.randn(p.shape, generator=g))
            norm = ("norm" in name or "ln_" in name) and name.endswith("weight")
            if norm and model.config.model_type != "gemma":
                p.add_(1)


def run(model, tokens):
    """A forward and a backward."""
    model.zero_grad()
    out = model(tokens, labels=tokens)
    out.loss.backward()
    return out.logits.detach(), out.loss.item(), {n: p.grad.detach().clone() for n, p in model.named_parameters()}


def in_double(config, weights, tokens):
    """The same code in double precision also where it asks for single: norms, rotations and softmax."""
    single = torch.float32, torch.float, torch.Tensor.float
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        model = t.AutoModelForCausalLM.from_config(config, attn_implementation="eager").double().eval()
        model.load_state_dict({n: w.double() for n, w in weights.items()}, strict=False)
        model.tie_weights()
        assert all(b.dtype != single[0] for b in model.buffers())
        return run(model, tokens)
    finally:
        torch.float32, torch.float, torch.Tensor.float = single
        torch.set_default_dtype(torch.float32)


def main(out):
    for i, (name, config) in enumerate(CASES.items()):
        at = Path(out, name)
        model = t.AutoModelForCausalLM.from_config(config).float().eval()
        randomise(model, 100 + i)
        model.save_pretrained(at)
        (at / "generation_config.json").unlink(missing_ok=True)
        tokens = torch.randint(config.vocab_size, (2, 37), generator=torch.Generator().manual_seed(200 + i))
        logits, loss, gradients = in_double(config, model.state_dict(), tokens)
        logits32, loss32, gradients32 = run(model, tokens)
        far = max(((gradients32[n] - g).abs().max() / g.abs().max()).item() for n, g in gradients.items())
        save_file({"tokens": tokens.int(), "logits": logits.float().contiguous()}, at / "reference.safetensors")
        save_file({n: g.float().contiguous() for n, g in gradients.items()}, at / "gradients.safetensors")
        measured = {"logits": (logits32 - logits).abs().max().item(), "loss": abs(loss32 - loss), "gradients": far,
                    "logits_largest": logits.abs().max().item()}
        (at / "reference.json").write_text(json.dumps({"loss": loss, "measured_f32_minus_f64": measured}, indent=1) + "\n")
        print(name, loss, measured)


if __name__ == "__main__":
    main(sys.argv[1])
