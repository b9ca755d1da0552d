"""Compile the kernels of `blocks`, as the four blocks need them, for compute capability 8.0."""

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from music_detectors.models.kim2024 import blocks

# The type of images, channels, size and stride of pooling, whether elements are dropped.
BLOCKS = [
    ("fp32", 32, 2, 2, True),
    ("bf16", 64, 2, 1, False),
    ("bf16", 128, 2, 1, True),
    ("bf16", 256, 1, 1, True),
]
KERNELS = [
    blocks._add_up,
    blocks._normalise,
    blocks._pool,
    blocks._add_up_gradient,
    blocks._finish_gradient,
    blocks._spread_gradient,
]
IMAGES = ("x", "y", "of_x", "gradient")
OTHERS = {"where": "*u8", "seed": "*i64", "tracked": "*i64"}
FLOATS = ("enlarged", "momentum", "epsilon")


def main():
    compiled = 0
    for image, channels, size, stride, dropping in BLOCKS:
        constants = {
            "CHANNELS": channels,
            "ROWS": blocks._ELEMENTS // channels,
            "SIZE": size,
            "STRIDE": stride,
            "DROPPING": dropping,
            "KEPT": 52429,
            "PROGRAMS": blocks._PROGRAMS,
            "PART": blocks._CHANNELS,
        }
        for kernel in KERNELS:
            types = {}
            for name in kernel.arg_names:
                if name in constants:
                    types[name] = "constexpr"
                elif name in blocks._SIZES:
                    types[name] = "fp32" if name in FLOATS else "i32"
                else:
                    types[name] = f"*{image}" if name in IMAGES else OTHERS.get(name, "*fp32")
            own = {name: value for name, value in constants.items() if name in types}
            source = ASTSource(fn=kernel, signature=types, constexprs=own)
            compiled += bool(triton.compile(source, target=GPUTarget("cuda", 80, 32)).asm["cubin"])
    print(compiled, "kernels")


main()
