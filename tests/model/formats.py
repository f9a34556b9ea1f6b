"""formats.py READER FOLDER VARIANTS: what READER makes of what was written, against the golden logits and weights in
VARIANTS/NAME: transformers of FOLDER/NAME, gguf and llama_cpp of FOLDER/NAME.gguf. Ends with 77 where it is not installed."""

import importlib
import json
import os
import sys

reader, folder, golden = sys.argv[1:]
os.environ["HF_HUB_OFFLINE"] = "1"
names = sorted(n for n in os.listdir(golden) if os.path.exists(f"{golden}/{n}/reference.safetensors"))

try:
    import numpy
    from safetensors.numpy import load_file

    if reader == "transformers":
        import torch
    library = importlib.import_module(reader)
except ImportError:
    sys.exit(77)


def transformers(name, reference):
    model, found = library.AutoModelForCausalLM.from_pretrained(
        f"{folder}/{name}", output_loading_info=True, attn_implementation="eager")
    assert not any(found[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")), (name, found)
    with torch.no_grad():
        logits = model(torch.tensor(reference["tokens"]).long()).logits.numpy()
    difference = float(abs(logits - reference["logits"]).max())
    assert difference < 6.5e-5, (name, difference)


def gguf(name, reference):
    tensors = library.GGUFReader(f"{folder}/{name}.gguf").tensors
    weights = load_file(f"{golden}/{name}/model.safetensors")
    table = next(t for t in tensors if t.name == "token_embd.weight")
    expected = next(w for n, w in weights.items() if n.endswith(("embed_tokens.weight", "wte.weight")))
    assert numpy.array_equal(table.data, expected), name
    assert sum(t.n_elements for t in tensors if t.name != "rope_freqs.weight") == sum(w.size for w in weights.values()), name


def llama_cpp(name, reference):
    llama = library.Llama(f"{folder}/{name}.gguf", n_ctx=64, n_threads=1, logits_all=True, verbose=False, type_k=0, type_v=0)
    with open(f"{golden}/{name}/config.json") as file:
        window = json.load(file).get("sliding_window") or 64  # llama.cpp doesn't look at it in the architecture llama
    for tokens, expected in zip(reference["tokens"], reference["logits"]):
        count = min(len(tokens), window)
        llama.reset()
        llama.eval(tokens[:count].tolist())
        logits = numpy.array(llama.scores[:count])
        assert (logits.argmax(-1) == expected[:count].argmax(-1)).all(), name
        difference = float(abs(logits - expected[:count]).max())
        # gelu is looked up by f16 there, with half a step of 2^-11; for the others the tolerance of the golden logits
        assert difference < (0.03 if name in ("gemma", "gpt2") else 6.5e-5), (name, difference)


assert names, golden
for name in names:
    check = {"transformers": transformers, "gguf": gguf, "llama_cpp": llama_cpp}[reader]
    check(name, load_file(f"{golden}/{name}/reference.safetensors"))
