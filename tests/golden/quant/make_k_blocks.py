"""Blocks of GGUF's Q5_0, Q5_1, Q4_K, Q5_K and Q6_K, and the f32 that gguf-py 0.19.0 reads in them: k_blocks.safetensors.
`<type>.bytes` and `<type>.f32`; Q5_0 and Q5_1 also as gguf-py writes them: `<type>.from`, `<type>.written`.
Run in a Python with gguf, numpy and safetensors: python make_k_blocks.py"""
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

random = np.random.default_rng(256)
# Every kind of f16 that a scale or a minimum can be: usual, denormal, the largest, zeros, infinities, NaN.
scales = np.array([0x1400, 0x9400, 0x2a3b, 0xb123, 0x0001, 0x83ff, 0x7bff, 0xfbff, 0x0000, 0x8000, 0x7c00, 0xfc00, 0x7e00], np.uint16)
places = {Type.Q5_0: (22, [0]), Type.Q5_1: (24, [0, 2]), Type.Q4_K: (144, [0, 2]), Type.Q5_K: (176, [0, 2]), Type.Q6_K: (210, [208])}
out = {}
for kind, (size, halves) in places.items():
    blocks = random.integers(0, 256, (len(scales) + 2, size), np.uint8)
    for k, at in enumerate(halves):
        blocks[:-2, at : at + 2] = np.roll(scales, 5 * k).view(np.uint8).reshape(-1, 2)
    blocks[-2] = 0
    blocks[-1] = 255  # the most extreme codes, scaled by 1.5
    for at in halves:
        blocks[-1, at : at + 2] = [0x00, 0x3E]
    name = kind.name.lower()
    out[name + ".bytes"] = blocks.reshape(-1)
    with np.errstate(all="ignore"):
        out[name + ".f32"] = dequantize(blocks.reshape(1, -1), kind).reshape(-1).astype(np.float32)
    if kind in (Type.Q5_0, Type.Q5_1):
        values = (random.standard_normal((6, 32)) * 2.0 ** np.array([[0], [-12], [9], [-22], [3], [0]])).astype(np.float32)
        values[4] = 0
        values[5] = np.abs(values[5])
        out[name + ".from"] = values.reshape(-1)
        out[name + ".written"] = quantize(values, kind).reshape(-1)
save_file(out, "k_blocks.safetensors")
