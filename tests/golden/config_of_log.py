"""Writes the config.json of the model that a log.json of training describes: config_of_log.py LOG."""
import json
import sys

log = json.load(open(sys.argv[1]))
model = log["model"]
json.dump({
    "model_type": "llama", "hidden_act": "silu", "hidden_size": model["dim"], "intermediate_size": model["hidden"],
    "num_hidden_layers": model["layers"], "num_attention_heads": model["heads"], "num_key_value_heads": model["kv_heads"],
    "vocab_size": model["vocab"], "max_position_embeddings": log["hyperparameters"]["context"], "rms_norm_eps": 1e-5,
    "rope_theta": 1e4, "tie_word_embeddings": model.get("tied", False)}, sys.stdout)
