"""Hold a training step against the machine: what it must compute and move, at the speeds measured in the same run.

An operation's bound is the longer of its arithmetic at the matrix product's peak and its bytes at the copy's; a step's
bound is their sum. Operations and bytes are taken from a real step, one by one.
"""

import time
from collections import defaultdict

import pandas as pd
import torch
from epochs import BATCHES, RECIPE, STUDENT, TEACHER
from measuring import part_of_data, prepare_data, save_results, study_net
from torch.nn.functional import conv2d, cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from dark_knowledge.training.devices import Compute, choose_compute

KINDS = {
    "convolution": "convolutions",
    "convolution_backward": "convolutions",
    "max_pool2d_with_indices": "pooling",
    "max_pool2d_with_indices_backward": "pooling",
    "native_batch_norm": "batch norm and ReLU",
    "native_batch_norm_backward": "batch norm and ReLU",
    "relu": "batch norm and ReLU",
    "relu_": "batch norm and ReLU",
    "threshold_backward": "batch norm and ReLU",
    "_fused_sgd_": "optimiser",
}


class Operations(TorchDispatchMode):
    """Count the arithmetic and the bytes read and written of every operation."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        if function.is_view:
            return result
        count = flop_registry.get(function.overloadpacket)
        flops = count(*arguments, **(keywords or {}), out_val=result) if count else 0
        tensors = [leaf for leaf in tree_leaves((arguments, keywords, result)) if isinstance(leaf, torch.Tensor)]
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        self.found.append((function.overloadpacket.__name__, flops, size))
        return result


def main() -> None:
    prepare_data()
    data = part_of_data(BATCHES * RECIPE.batch_size)
    rows = []
    for precision in ("bfloat16", "float32"):
        compute = choose_compute("cpu", precision, 1)
        product, copy = product_peak(compute), copy_peak()
        for net in (STUDENT, TEACHER):
            model = study_net(net, data).to(memory_format=torch.channels_last)
            step = training_step(model, data, compute)
            peaks = {"peak_gflop_s": product / 1e9, "copy_gb_s": copy / 1e9}
            rows += [{"net": net, "precision": precision} | peaks | row for row in against_bound(step, product, copy)]
    save_results("roofline", pd.DataFrame(rows), "A training step against the machine", NOTES)


NOTES = [
    f"One thread, {RECIPE.batch_size} images a step. gflop and mb: arithmetic and bytes (each operation's inputs and "
    "outputs) of a step; bound_ms: their sum over operations at the measured peaks; bound_over_measured: 1 would be "
    "the machine's limit. The parts' milliseconds are a profiler's, the whole step's a clock's.",
    "peak_gflop_s: product of two 1024x1024 matrices, or 3x3 convolution of 256 channels, whichever is faster. "
    "copy_gb_s: copying 6 MB, the size of the largest activation.",
]


def seconds_of(function, least: float = 1.0) -> float:
    """Median seconds of a call, over at least `least` seconds of calls."""
    times = []
    while sum(times) < least or len(times) < 5:
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return pd.Series(times).median()


def product_peak(compute: Compute) -> float:
    """The faster of a product and a wide convolution: on some processors torch's float32 product is slow."""
    kind = torch.bfloat16 if compute.bfloat16 else torch.float32
    a = torch.randn(1024, 1024, dtype=kind)
    images, kernels = (
        torch.randn(shape, dtype=kind).contiguous(memory_format=torch.channels_last)
        for shape in ((8, 256, 28, 28), (256, 256, 3, 3))
    )
    convolved = 2 * 8 * 28 * 28 * 256 * 256 * 9 / seconds_of(lambda: conv2d(images, kernels, padding=1))
    return max(2 * 1024**3 / seconds_of(lambda: a @ a), convolved)


def copy_peak() -> float:
    source = torch.zeros(6 << 20, dtype=torch.uint8)
    target = torch.zeros_like(source)
    return 2 * source.numel() / seconds_of(lambda: target.copy_(source))


def training_step(model, data, compute: Compute):
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, fused=True)
    images, labels = data.normalise(data.train_images[: RECIPE.batch_size]), data.train_labels[: RECIPE.batch_size]

    def step() -> None:
        with compute.autocast():
            logits = model(images)
        optimiser.zero_grad()
        cross_entropy(logits, labels).backward()
        optimiser.step()

    return step


def against_bound(step, product: float, copy: float) -> list[dict]:
    """A row for the whole step, and one for each kind of operation."""
    for _ in range(3):
        step()
    with Operations() as operations:
        step()
    with torch.profiler.profile() as profile:
        for _ in range(20):
            step()
    measured = defaultdict(float)
    for event in profile.key_averages():
        name = event.key.removeprefix("aten::").replace("mkldnn_convolution", "convolution")
        measured[KINDS.get(name, "other")] += event.self_cpu_time_total / 20e3
    rows = defaultdict(lambda: {"gflop": 0.0, "mb": 0.0, "bound_ms": 0.0})
    for name, flops, size in operations.found:
        for part in ("whole step", KINDS.get(name, "other")):
            rows[part]["gflop"] += flops / 1e9
            rows[part]["mb"] += size / 1e6
            rows[part]["bound_ms"] += 1e3 * max(flops / product, size / copy)
    measured["whole step"] = 1e3 * seconds_of(step, 3)
    return [
        {"part": part} | row | {"measured_ms": measured[part], "bound_over_measured": row["bound_ms"] / measured[part]}
        for part, row in rows.items()
    ]


if __name__ == "__main__":
    main()
