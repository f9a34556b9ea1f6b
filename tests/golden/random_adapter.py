"""What the folders with adapters share."""
import torch
from peft import get_peft_model


def with_random_adapter(base, config, seed, out):
    """The model `base` with a random adapter, which `out`/adapter holds in peft's files."""
    model = get_peft_model(base, config).eval()
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name:
                p.copy_(0.2 * torch.randn(p.shape, generator=g))
    model.save_pretrained(out / "adapter")
    (out / "adapter" / "README.md").unlink(missing_ok=True)
    return model
