"""Writes the config.json of the model that a log.json of training or a short list of dimensions describes: config_of.py FILE."""
import json
import sys

given = json.load(open(sys.argv[1]))
model = given.get("model", given)
json.dump({
    "model_type": "llama", "hidden_act": "silu", "hidden_size": model["dim"], "intermediate_size": model["hidden"],
    "num_hidden_layers": model["layers"], "num_attention_heads": model["heads"], "num_key_value_heads": model["kv_heads"],
    "head_dim": model.get("head_dim", model["dim"] // model["heads"]), "vocab_size": model["vocab"],
    "max_position_embeddings": given.get("hyperparameters", {}).get("context", 256), "rms_norm_eps": model.get("eps", 1e-5),
    "rope_theta": model.get("theta", 1e4), "tie_word_embeddings": model.get("tied", False)}, sys.stdout)
