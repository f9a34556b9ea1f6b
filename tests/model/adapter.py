"""adapter.py READER FOLDER GOLDEN: compares what peft makes of GOLDEN/lora with FOLDER/adapter and of GOLDEN/variants/gpt2 with
FOLDER/gpt2, or transformers of FOLDER/merged, with the golden logits. Ends with 77 where READER is not installed."""

import importlib
import os
import sys

reader, folder, golden = sys.argv[1:]
os.environ["HF_HUB_OFFLINE"] = "1"
try:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    library = importlib.import_module(reader)
except ImportError:
    sys.exit(77)


def check(name, model, reference):
    reference = load_file(f"{golden}/{reference}/reference.safetensors")
    with torch.no_grad():
        difference = float((model(reference["tokens"].long()).logits - reference["logits"]).abs().max())
    assert difference < 6.5e-5, (name, difference)


if reader == "peft":
    base = AutoModelForCausalLM.from_pretrained(f"{golden}/lora")
    model = library.PeftModel.from_pretrained(base, f"{folder}/adapter")
    assert model.peft_config["default"].base_model_name_or_path == f"{golden}/lora"
    check("apart", model, "lora")
    base = AutoModelForCausalLM.from_pretrained(f"{golden}/variants/gpt2")
    check("gpt2", library.PeftModel.from_pretrained(base, f"{folder}/gpt2"), "lora_gpt2")
else:
    merged, found = AutoModelForCausalLM.from_pretrained(f"{folder}/merged", output_loading_info=True)
    assert not any(found[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")), found
    check("merged", merged, "lora")
