"""export.py FOLDER DECODE: compares what transformers and llama.cpp make of FOLDER/hf and FOLDER/f32.gguf, stories260K as it
was exported, with the golden logits and tokens in DECODE and the ids in FOLDER/texts.json. Ends with 77 when neither is
installed."""

import json
import os
import sys

folder, decode = sys.argv[1:]
os.environ["HF_HUB_OFFLINE"] = "1"
checked = []

with open(f"{decode}/greedy.json") as file:
    ids = json.load(file)["ids"]
with open(f"{folder}/texts.json") as file:
    texts = json.load(file)
starts = [i for i, token in enumerate(ids) if token == 1] + [len(ids)]
sequences = [ids[a:b] for a, b in zip(starts, starts[1:])]


def check(name, logits_of, encode, tolerance):
    """Greedy tokens of every sequence, the first eight rows of logits, and the tokens of the texts."""
    for n, sequence in enumerate(sequences):
        logits = logits_of(sequence)
        chosen = [int(row.argmax()) for row in logits[: len(sequence) - 1]]
        assert chosen == sequence[1:], (name, n, chosen, sequence)
        if n == 0:
            difference = float(abs(logits[:8] - golden).max())
            assert difference < tolerance, (name, difference)
    for case in texts:
        assert encode(case["text"]) == [1] + case["ids"], (name, case, encode(case["text"]))
    checked.append(name)


try:
    from safetensors.numpy import load_file

    golden = load_file(f"{decode}/greedy.safetensors")["first8_logits"]
except ImportError:
    sys.exit(77)

try:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
except ImportError:
    pass
else:
    model, found = AutoModelForCausalLM.from_pretrained(f"{folder}/hf", output_loading_info=True)
    assert not any(found[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")), found
    tokenizer = AutoTokenizer.from_pretrained(f"{folder}/hf")
    for case in texts:
        assert tokenizer.decode([1] + case["ids"], skip_special_tokens=True) == case["text"], case

    def logits_of(sequence):
        with torch.no_grad():
            return model(torch.tensor([sequence])).logits[0].numpy()

    check("transformers", logits_of, tokenizer.encode, 1.2e-4)

try:
    import numpy
    from llama_cpp import Llama
except ImportError:
    pass
else:
    llama = Llama(f"{folder}/f32.gguf", n_ctx=512, n_threads=1, logits_all=True, verbose=False)

    def logits_of(sequence):
        llama.reset()
        llama.eval(sequence)
        return numpy.array(llama.scores[: len(sequence)])

    # keys and values are f16 there
    check("llama.cpp", logits_of, lambda text: llama.tokenize(text.encode(), special=False), 0.03)

print("checked:", ", ".join(checked))
sys.exit(0 if checked else 77)
