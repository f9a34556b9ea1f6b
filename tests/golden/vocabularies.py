"""Makes tokenizers/: small vocabularies in Hugging Face's layout, with what tokenizers and transformers make of texts and of
chats: vocabularies.py DIR. Needs tokenizers and transformers.

Each folder has tokenizer.json and tokenizer_config.json, as the models of its name have them but for the vocabulary, which is
learned from a few stories; cases.json has texts with their ids, without special tokens in front, and chats.json
conversations with their ids. The chat templates are our own words for the formats that the models' cards describe.
"""

import json
import pathlib
import sys

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers, decoders
from transformers import PreTrainedTokenizerFast

out = pathlib.Path(sys.argv[1])
root = pathlib.Path(__file__).resolve().parents[2]
golden = root / "tests" / "golden" / "decode"
corpus = [(root / "LICENSE").read_text()] + [json.loads((golden / f).read_text())["text"] for f in ("greedy.json", "nll.json")]
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
TEXTS = [
    "",
    " ",
    "  ",
    "   a",
    "Hello, world!",
    " Hello",
    "Hello ",
    "a  b   c    d",
    "it's we'll I'VE they'Re 'tis 'S '",
    "don\u2019t 's'",
    "\u017f's '\u017f 'LL'd",
    "1",
    "12",
    "123",
    "1234567890",
    "x12y345 6,789.01",
    "\u00bd \u00b2 \u2167 \u0663\u0664 \uff11\uff12",
    "3.14e-5",
    "\n",
    "\n\n",
    "a\nb",
    "a\n\nb",
    "a \n b",
    "a\r\nb\r\n\r\n",
    " \n \n  x",
    "tail \n",
    "tail\n ",
    "\t\tif x:\n\t\t\treturn\t1\n",
    "\u6f22\u5b57\u304b\u306a\u4ea4\u3058\u308a\u6587 \u3002\u300c\u5f15\u7528\u300d",
    "\ud55c\uad6d\uc5b4 \u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u05e2\u05d1\u05e8\u05d9\u05ea \u0939\u093f\u0928\u094d\u0926\u0940"
    " \u0e44\u0e17\u0e22",
    "\U0001f999 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f",
    "caf\u00e9 cafe\u0301 \u212b \u1e9b\u0323 \uac00 \u1100\u1161",
    "\u00a0nbsp\u00a0\u2003em\u2028line\u2029par\u0085nel\u200bzero\u3000wide",
    "\u2581sign \u2581\u2581",
    "({[<>]})!?...---___***",
    "a+b=c; x->y // z",
    "\"quoted\" 'single'",
    "https://example.org/?q=1&r=%20",
    "CamelCase snake_case SCREAMING",
    "a" * 40,
    " " * 17 + "x",
    "!" * 9 + "\n\n",
    "<s> </s> <|eot_id|> <|im_end|><end_of_turn>",
    "x<s>y",
    "\x00\x01\x7f",
    "The layers of a model, the compiler and the kernels.",
    "e\u0301\u0301 \u0300x",
    "\U00010400\U0001d7d8 \U000e0041",
    "\ufeffbom \ufffd",
]
CHATS = [
    {"system": None, "before": [], "user": "Hello, who are you?"},
    {"system": "Be short.", "before": [], "user": "2 + 2?"},
    {"system": None, "before": [["one\ntwo", "An answer."]], "user": "and then"},
    {
        "system": "You are a model.\n\nOf words.",
        "before": [["Hi", "Hello!"], ["What's new?", "Not\nmuch."]],
        "user": "  spaces  in it ",
    },
    {"system": None, "before": [["a", " blank in front"]], "user": "\u6f22\u5b57 \U0001f999"},
]
THOUGHTS = [
    {"system": None, "before": [["Why?", "<think>\nHm, why?\n</think>\n\nBecause.\n"]], "user": "And why that?"},
    {
        "system": "Be short.",
        "before": [["a", "<think>b</think>c</think>\n d"], ["e", "<think>f"], ["g", "h</think>"]],
        "user": "i",
    },
]


def byte_level(name, pre, normalizer, special, bos, eos, whole=False, template=None, chats=CHATS):
    t = Tokenizer(models.BPE(ignore_merges=whole))
    t.pre_tokenizer = pre
    if normalizer:
        t.normalizer = normalizer
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    )
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in special])
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    if bos in special and name.startswith("llama"):
        front = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, t.token_to_id(bos))]
        )
        t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), front])
    save(name, t, bos, eos, None, template, chats)


def pieces(name, normalizer, pre, special, template=None, bos="<s>", eos="</s>"):
    learner = Tokenizer(models.BPE())
    learner.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    learner.train_from_iterator(
        [line for text in corpus for line in text.split("\n") if line],
        trainers.BpeTrainer(vocab_size=420, show_progress=False, limit_alphabet=90, max_token_length=8),
    )
    model = json.loads(learner.to_str())["model"]
    front = ["<unk>", bos, eos] + special + [f"<0x{b:02X}>" for b in range(256)]
    vocabulary = {text: i for i, text in enumerate(front)}
    for text in sorted(model["vocab"], key=model["vocab"].get):
        vocabulary.setdefault(text, len(vocabulary))
    t = Tokenizer(
        models.BPE(
            vocab=vocabulary, merges=[tuple(m) for m in model["merges"]], unk_token="<unk>", fuse_unk=True, byte_fallback=True
        )
    )
    if normalizer:
        t.normalizer = normalizer
    if pre:
        t.pre_tokenizer = pre
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in ["<unk>", bos, eos] + special])
    t.post_processor = processors.TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, 1)])
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    save(name, t, bos, eos, "<unk>", template)


def save(name, t, bos, eos, unknown, template, conversations=CHATS):
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    t.save(str(folder / "tokenizer.json"), pretty=False)
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": eos, "unk_token": unknown}
    if isinstance(template, str):
        config["chat_template"] = template
    elif template:
        config["chat_template"] = [{"name": k, "template": v} for k, v in template.items()]
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    plain = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for token in list(plain.get_added_tokens_decoder().values()):  # so that their names are text
        assert token.special
    cases = []
    for text in TEXTS:
        special = t.encode(text, add_special_tokens=False).ids
        plain.encode_special_tokens = True
        cases.append({"text": text, "ids": plain.encode(text, add_special_tokens=False).ids, "special": special})
        if t.decoder.__class__.__name__ == "ByteLevel":
            given = t.normalizer.normalize_str(text) if t.normalizer else text
            cases[-1]["words"] = [given[a:b] for _, (a, b) in t.pre_tokenizer.pre_tokenize_str(given)]
    (folder / "cases.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    if not template:
        return
    wrapped = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), bos_token=bos, eos_token=eos)
    wrapped.chat_template = template if isinstance(template, str) else template["default"]
    chats = []
    for c in conversations:
        messages = [{"role": "system", "content": c["system"]}] if c["system"] is not None else []
        for user, answer in c["before"]:
            messages += [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
        messages.append({"role": "user", "content": c["user"]})
        ids = wrapped.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
        text = wrapped.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        chats.append({**c, "ids": ids, "text": text})
    (folder / "chats.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in chats) + "\n]\n")


CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
QWEN25_CHAT = (
    "{%- if tools %}{{- '<|im_start|>system\\n' }}{%- if messages[0]['role'] == 'system' %}{{- messages[0]['content'] }}"
    "{%- else %}{{- 'It\\'s you who answers.\\nPut \"it\" within \\\\boxed{}.' }}{%- endif %}"
    "{{- \"\\n\\n# What there is\\n\" + tools | tojson + \"<|im_end|>\\n\" }}"
    "{%- elif messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}"
    "{%- else %}{{- '<|im_start|>system\\nIt\\'s you who answers.\\nPut \"it\" within \\\\boxed{}.<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}{%- if message['role'] != 'system' %}{{- '<|im_start|>' + message['role'] + '\\n' + "
    "message['content'] + '<|im_end|>' + '\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
QWEN3_CHAT = (
    "{%- set last = namespace(question=-1) %}{%- for message in messages %}{%- if message['role'] == 'user' %}"
    "{%- set last.question = loop.index0 %}{%- endif %}{%- endfor %}"
    "{%- for message in messages %}{%- set text = message['content'] %}"
    "{%- if message['role'] == 'assistant' and loop.index0 < last.question and '</think>' in text %}"
    "{%- set text = text.split('</think>')[-1].lstrip('\\n') %}{%- endif %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + text + '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
LLAMA3_CHAT = (
    "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + "
    "message['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA31_CHAT = (
    '{{ bos_token }}{% if not date_string is defined %}{% set date_string = "26 Jul 2024" %}{% endif %}'
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] | trim %}{% set rest = messages[1:] %}"
    "{% else %}{% set system = '' %}{% set rest = messages %}{% endif %}"
    "{{ '<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: ' + date_string"
    " + '\n\n'"
    " + system + '<|eot_id|>' }}{% for message in rest %}{{ '<|start_header_id|>' + message['role']"
    " + '<|end_header_id|>\n\n' + "
    "message['content'] | trim + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] + '\n\n' %}"
    "{% set rest = messages[1:] %}"
    "{% else %}{% set first = '' %}{% set rest = messages %}{% endif %}{% for message in rest %}"
    "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\n' + (first if loop.first else '') + "
    "message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<start_of_turn>model\n' }}{% endif %}"
)
ZEPHYR = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ '<|user|>\n' + message['content'] + eos_token + '\n' }}"
    "{% elif message['role'] == 'system' %}{{ '<|system|>\n' + message['content'] + eos_token + '\n' }}"
    "{% else %}{{ '<|assistant|>\n' + message['content'] + eos_token + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set system = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
    "{% set rest = messages[1:] %}{% else %}{% set system = '' %}{% set rest = messages %}{% endif %}{% for message in rest %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + ((system if loop.first else '')"
    " + message['content']) | trim + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'] | trim + ' ' + eos_token }}{% endif %}{% endfor %}"
)
MISTRAL = (
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] + '\n\n' %}{% set rest = messages[1:] %}"
    "{% else %}{% set system = '' %}{% set rest = messages %}{% endif %}{{ bos_token }}{% for message in rest %}"
    "{% if message['role'] == 'user' %}{{ ' [INST] ' + (system if loop.first else '') + message['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"
)
MISTRAL3 = (
    "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] + '\n\n' %}{% set rest = messages[1:] %}"
    "{% else %}{% set system = '' %}{% set rest = messages %}{% endif %}{{ bos_token }}{% for message in rest %}"
    "{% if message['role'] == 'user' %}{% if tools and loop.last %}{{ '[AVAILABLE_TOOLS] [' }}{% endif %}"
    "{{ '[INST] ' + (system if loop.last else '') + message['content'] + '[/INST]' }}"
    "{% else %}{{ ' ' + message['content'] | trim + eos_token }}{% endif %}{% endfor %}"
)

bl = pre_tokenizers.ByteLevel
split = lambda regex: pre_tokenizers.Sequence(
    [pre_tokenizers.Split(Regex(regex), "isolated"), bl(add_prefix_space=False, use_regex=False)]
)
byte_level("gpt2", bl(add_prefix_space=False), None, ["<|endoftext|>"], "<|endoftext|>", "<|endoftext|>")
byte_level(
    "smollm",
    pre_tokenizers.Sequence([pre_tokenizers.Digits(True), bl(add_prefix_space=False)]),
    None,
    ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    "<|im_start|>",
    "<|im_end|>",
    template=CHATML,
)
LLAMA3_SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
byte_level("llama3", split(LLAMA3), None, LLAMA3_SPECIAL, "<|begin_of_text|>", "<|end_of_text|>", True, LLAMA3_CHAT)
byte_level(
    "llama31",
    split(LLAMA3),
    None,
    LLAMA3_SPECIAL,
    "<|begin_of_text|>",
    "<|eot_id|>",
    True,
    {"tool_use": "no", "default": LLAMA31_CHAT},
)
for name, template, chats in (("qwen2", CHATML, CHATS), ("qwen25", QWEN25_CHAT, CHATS), ("qwen3", QWEN3_CHAT, CHATS + THOUGHTS)):
    byte_level(
        name,
        split(QWEN2),
        normalizers.NFC(),
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        None,
        "<|im_end|>",
        template=template,
        chats=chats,
    )
blanks = normalizers.Replace(" ", "\u2581")
legacy = normalizers.Sequence([normalizers.Prepend("\u2581"), blanks])
meta = lambda scheme: pre_tokenizers.Metaspace("\u2581", prepend_scheme=scheme, split=False)
pieces("llama2", legacy, None, [], LLAMA2)
pieces("zephyr", legacy, None, [], ZEPHYR)
pieces("zephyr_special", legacy, None, ["<|system|>", "<|user|>", "<|assistant|>"], ZEPHYR)
pieces("mistral", None, meta("first"), [], MISTRAL)
pieces("mistral3", None, meta("first"), ["[INST]", "[/INST]"], MISTRAL3)
pieces("always", None, meta("always"), [])
pieces(
    "gemma",
    blanks,
    pre_tokenizers.Split(" ", "merged_with_previous"),
    ["<start_of_turn>", "<end_of_turn>"],
    GEMMA,
    "<bos>",
    "<eos>",
)
