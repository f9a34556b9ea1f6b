"""Makes tokenizers/meta3 and tokenizers/ranks: vocabularies in tiktoken's format with what tiktoken makes of texts:
ranks.py DIR. Needs tiktoken.

Each folder has tokenizer.model, a line with a token in base64 and its rank for each, and cases.json as vocabularies.py has
it. meta3 is the vocabulary of tokenizers/llama3 as Meta publishes Llama 3's; in ranks the tokens are drawn, so that they are
made of others in several ways.
"""

import base64
import json
import pathlib
import random
import sys

import tiktoken

out = pathlib.Path(sys.argv[1])
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
named = {
    0: "begin_of_text", 1: "end_of_text", 2: "reserved_special_token_0", 3: "reserved_special_token_1",
    4: "finetune_right_pad_id", 5: "step_id", 6: "start_header_id", 7: "end_header_id", 8: "eom_id", 9: "eot_id",
    10: "python_tag", 11: "image",
}
SPECIAL = [f"<|{named.get(i, f'reserved_special_token_{i - 10}')}|>" for i in range(256)]


def save(name, tokens, texts):
    folder = out / "tokenizers" / name
    folder.mkdir(parents=True, exist_ok=True)
    lines = (base64.b64encode(t).decode() + f" {rank}\n" for rank, t in enumerate(tokens))
    (folder / "tokenizer.model").write_text("".join(lines))
    ranks = {t: rank for rank, t in enumerate(tokens)}
    special = {t: len(ranks) + i for i, t in enumerate(SPECIAL)}
    t = tiktoken.Encoding(name, pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens=special)
    cases = [
        {"text": text, "ids": t.encode_ordinary(text), "special": t.encode(text, allowed_special="all")} for text in texts
    ]
    (folder / "cases.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


llama3 = out / "tokenizers" / "llama3"
vocabulary = json.loads((llama3 / "tokenizer.json").read_text())["model"]["vocab"]
visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
byte_of = {chr(b): b for b in visible}
byte_of.update({chr(0x100 + i): b for i, b in enumerate(b for b in range(256) if b not in visible)})
texts = [c["text"] for c in json.loads((llama3 / "cases.json").read_text())]
texts += ["<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>",
          "<|image|><|reserved_special_token_245|>"]
texts += ["<|reserved_special_token_246|> <|reserved_special_token_2|><|python_tag|>1<|eom_id|>"]
save("meta3", [bytes(byte_of[c] for c in t) for t in sorted(vocabulary, key=vocabulary.get)], texts)

draw = random.Random(5)
drawn = {}
while len(drawn) < 60:
    drawn["".join(draw.choice("abc") for _ in range(draw.randint(2, 5))).encode()] = True
save(
    "ranks",
    [bytes([b]) for b in range(256)] + list(drawn),
    ["".join(draw.choice("abc") for _ in range(draw.randint(1, 30))) for _ in range(60)],
)
