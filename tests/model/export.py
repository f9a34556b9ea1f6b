"""export.py READER FOLDER DECODE: compares what READER makes of stories260K as it was exported, transformers of FOLDER/hf and
llama_cpp of FOLDER/f32.gguf, with the golden logits and tokens in DECODE and the ids in FOLDER/texts.json. Ends with 77 where it
is not installed."""

import importlib
import json
import os
import sys

reader, folder, decode = sys.argv[1:]
os.environ["HF_HUB_OFFLINE"] = "1"

try:
    import numpy
    from safetensors.numpy import load_file

    if reader == "transformers":
        import torch
    library = importlib.import_module(reader)
except ImportError:
    sys.exit(77)

golden = load_file(f"{decode}/greedy.safetensors")["first8_logits"]
with open(f"{decode}/greedy.json") as file:
    ids = json.load(file)["ids"]
with open(f"{folder}/texts.json") as file:
    texts = json.load(file)
starts = [i for i, token in enumerate(ids) if token == 1] + [len(ids)]
sequences = [ids[a:b] for a, b in zip(starts, starts[1:])]

if reader == "transformers":
    model, found = library.AutoModelForCausalLM.from_pretrained(f"{folder}/hf", output_loading_info=True)
    assert not any(found[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")), found
    tokenizer = library.AutoTokenizer.from_pretrained(f"{folder}/hf")
    for case in texts:
        assert tokenizer.decode([1] + case["ids"], skip_special_tokens=True) == case["text"], case
    encode, tolerance = tokenizer.encode, 1.2e-4

    def logits_of(sequence):
        with torch.no_grad():
            return model(torch.tensor([sequence])).logits[0].numpy()

else:
    llama = library.Llama(f"{folder}/f32.gguf", n_ctx=512, n_threads=1, logits_all=True, verbose=False)
    tolerance = 0.03  # keys and values are f16 there

    def encode(text):
        return llama.tokenize(text.encode(), special=False)

    def logits_of(sequence):
        llama.reset()
        llama.eval(sequence)
        return numpy.array(llama.scores[: len(sequence)])


# Greedy tokens of every sequence, the first eight rows of logits, and the tokens of the texts.
for n, sequence in enumerate(sequences):
    logits = logits_of(sequence)
    chosen = [int(row.argmax()) for row in logits[: len(sequence) - 1]]
    assert chosen == sequence[1:], (n, chosen, sequence)
    if n == 0:
        difference = float(abs(logits[:8] - golden).max())
        assert difference < tolerance, difference
for case in texts:
    assert encode(case["text"]) == [1] + case["ids"], (case, encode(case["text"]))
