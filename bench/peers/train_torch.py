"""Trains a model of a cria run with PyTorch, from the same first weights on the same batches, and writes metrics.jsonl as the run
does.

train_torch.py --weights RUN/step-00000000 --batches FILE --out FOLDER [--threads N]

FILE is written by `./run batches` with the run's settings. A run's first checkpoint goes when there are newer ones: copy it in
time.
Needs torch, numpy and safetensors.
"""
import argparse
import json
import math
import pathlib
import time

import numpy
import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class Llama:
    """A Llama in Hugging Face's layout of weights, in as few kernels as PyTorch has for it."""

    def __init__(self, folder):
        c = json.load(open(folder / "config.json"))
        self.w = {k: v.float().requires_grad_() for k, v in load_file(folder / "model.safetensors").items()}
        self.layers, self.heads, self.eps = c["num_hidden_layers"], c["num_attention_heads"], c["rms_norm_eps"]
        self.kv_heads = c.get("num_key_value_heads", self.heads)
        self.size = c.get("head_dim") or c["hidden_size"] // self.heads
        theta = c.get("rope_theta") or c["rope_parameters"]["rope_theta"]
        angles = torch.outer(torch.arange(c["max_position_embeddings"]), theta ** (-torch.arange(0, self.size, 2) / self.size))
        self.cos, self.sin = torch.cat([angles.cos()] * 2, -1), torch.cat([angles.sin()] * 2, -1)

    def rotate(self, x):
        t, (a, b) = x.shape[-2], x.chunk(2, -1)
        return x * self.cos[:t] + torch.cat((-b, a), -1) * self.sin[:t]

    def loss(self, ids, targets):
        w, (b, t) = self.w, ids.shape
        norm = lambda x, name: F.rms_norm(x, x.shape[-1:], w[name + ".weight"], self.eps)
        x = F.embedding(ids, w["model.embed_tokens.weight"])
        for i in range(self.layers):
            at = f"model.layers.{i}."
            linear = lambda x, name: F.linear(x, w[at + name + "_proj.weight"])
            split = lambda x, n: x.view(b, t, n, self.size).transpose(1, 2)
            h = norm(x, at + "input_layernorm")
            q = self.rotate(split(linear(h, "self_attn.q"), self.heads))
            k = self.rotate(split(linear(h, "self_attn.k"), self.kv_heads))
            v = split(linear(h, "self_attn.v"), self.kv_heads)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=self.heads != self.kv_heads)
            x = x + linear(y.transpose(1, 2).reshape(b, t, -1), "self_attn.o")
            h = norm(x, at + "post_attention_layernorm")
            x = x + linear(F.silu(linear(h, "mlp.gate")) * linear(h, "mlp.up"), "mlp.down")
        head = w.get("lm_head.weight", w["model.embed_tokens.weight"])
        return F.cross_entropy(F.linear(norm(x, "model.norm"), head).flatten(0, 1), targets.flatten())


def rate(step, peak, warmup, steps):
    """Linear warm-up, then a cosine down to a tenth."""
    if step <= warmup:
        return peak * step / warmup
    return 0.1 * peak + 0.9 * peak * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--weights", "--batches", "--out"):
        p.add_argument(name, type=pathlib.Path, required=True)
    p.add_argument("--threads", type=int, default=torch.get_num_threads())
    p.add_argument("--rows", type=int, default=1024, help="most rows of one pass, as pretrain has them")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    how = json.load(open(a.weights / "training.json"))["training"]["settings"]
    batch_tokens, context, steps = how["batch-tokens"], how["context"], how["steps"]
    batches = numpy.fromfile(a.batches, numpy.int32).reshape(-1, batch_tokens // context, context + 1)
    model = Llama(a.weights)
    decay = [v for v in model.w.values() if v.dim() > 1]
    rest = [v for v in model.w.values() if v.dim() == 1]
    adamw = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}],
                              betas=(0.9, 0.95), eps=1e-5, fused=True)
    a.out.mkdir(parents=True, exist_ok=True)
    seconds, part = 0.0, max(1, a.rows // context)
    with open(a.out / "metrics.jsonl", "w") as log:
        for number, batch in enumerate(batches[:steps], 1):
            start = time.perf_counter()
            ids, loss = torch.from_numpy(batch).long(), 0.0
            for x in ids.split(part):
                share = len(x) / len(ids) * model.loss(x[:, :-1], x[:, 1:])
                share.backward()
                loss += share.item()
            norm = torch.nn.utils.clip_grad_norm_(model.w.values(), 1.0).item()
            for group in adamw.param_groups:
                group["lr"] = rate(number, how["rate"], how["warmup"], steps)
            adamw.step()
            adamw.zero_grad()
            step = time.perf_counter() - start
            seconds += step
            log.write(json.dumps({"step": number, "tokens": number * batch_tokens, "loss": loss, "validation_loss": None,
                                  "gradient_norm": norm, "rate": adamw.param_groups[0]["lr"],
                                  "tokens_per_second": batch_tokens / step, "flops_per_second": 0,
                                  "peak_share": 0, "seconds": seconds}) + "\n")
            log.flush()


if __name__ == "__main__":
    main()
