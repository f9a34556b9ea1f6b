"""formats.py FOLDER VARIANTS: what transformers makes of FOLDER/NAME, gguf-py and llama.cpp of FOLDER/NAME.gguf, against the golden logits
and weights in VARIANTS/NAME. Ends with 77 when none of the three is installed."""

import json
import os
import sys

folder, golden = sys.argv[1:]
os.environ["HF_HUB_OFFLINE"] = "1"
names = sorted(n for n in os.listdir(golden) if os.path.exists(f"{golden}/{n}/reference.safetensors"))
checked = []

try:
    import numpy
    from safetensors.numpy import load_file
except ImportError:
    sys.exit(77)

references = {n: load_file(f"{golden}/{n}/reference.safetensors") for n in names}

try:
    import torch
    from transformers import AutoModelForCausalLM
except ImportError:
    pass
else:
    for name in names:
        model, found = AutoModelForCausalLM.from_pretrained(f"{folder}/{name}", output_loading_info=True, attn_implementation="eager")
        assert not any(found[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")), (name, found)
        with torch.no_grad():
            logits = model(torch.tensor(references[name]["tokens"]).long()).logits.numpy()
        difference = float(abs(logits - references[name]["logits"]).max())
        assert difference < 6.5e-5, (name, difference)
        checked.append(f"transformers {name} {difference:.1e}")

try:
    from gguf import GGUFReader
except ImportError:
    pass
else:
    for name in names:
        reader = GGUFReader(f"{folder}/{name}.gguf")
        weights = load_file(f"{golden}/{name}/model.safetensors")
        table = next(t for t in reader.tensors if t.name == "token_embd.weight")
        expected = next(w for n, w in weights.items() if n.endswith(("embed_tokens.weight", "wte.weight")))
        assert numpy.array_equal(table.data, expected), name
        assert sum(t.n_elements for t in reader.tensors if t.name != "rope_freqs.weight") == sum(w.size for w in weights.values()), name
        checked.append(f"gguf {name}")

try:
    from llama_cpp import Llama
except ImportError:
    pass
else:
    for name in names:
        llama = Llama(f"{folder}/{name}.gguf", n_ctx=64, n_threads=1, logits_all=True, verbose=False, type_k=0, type_v=0)
        with open(f"{golden}/{name}/config.json") as file:
            window = json.load(file).get("sliding_window") or 64  # llama.cpp doesn't look at it in the architecture llama
        for tokens, expected in zip(references[name]["tokens"], references[name]["logits"]):
            count = min(len(tokens), window)
            llama.reset()
            llama.eval(tokens[:count].tolist())
            logits = numpy.array(llama.scores[:count])
            assert (logits.argmax(-1) == expected[:count].argmax(-1)).all(), name
            difference = float(abs(logits - expected[:count]).max())
            # gelu is looked up by f16 there, with half a step of 2^-11; for the others the tolerance of the golden logits
            assert difference < (0.03 if name in ("gemma", "gpt2") else 6.5e-5), (name, difference)
        checked.append(f"llama.cpp {name} {difference:.1e}")

print("checked:", ", ".join(checked))
sys.exit(0 if checked else 77)
