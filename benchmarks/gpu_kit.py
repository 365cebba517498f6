"""What the parts of the GPU kit share: the default study's nets, data from a folder, trainings, and how a part speaks.

The machine may be bare: PyTorch, NumPy and safetensors are enough, so the study's settings stand here once more (a test
compares them with config.yaml) and a progress bar is done without.
"""

import gzip
import importlib.util
import json
import subprocess
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))
if missing := [name for name in ("torch", "numpy", "safetensors") if importlib.util.find_spec(name) is None]:
    sys.exit(f"error: {', '.join(missing)} missing in {sys.executable}; the kit needs PyTorch, NumPy and safetensors")
if importlib.util.find_spec("tqdm") is None:
    sys.modules["tqdm"] = types.SimpleNamespace(tqdm=lambda batches, *_, **__: batches)

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from dark_knowledge.data.prepared import Dataset, load_dataset, save_dataset  # noqa: E402
from dark_knowledge.data.preparing import Split, prepare  # noqa: E402
from dark_knowledge.training import loop  # noqa: E402
from dark_knowledge.training.augment import pad_images  # noqa: E402
from dark_knowledge.training.devices import Compute, choose_compute  # noqa: E402
from dark_knowledge.training.losses import Supervision, learn_from_labels, learn_from_teacher  # noqa: E402
from dark_knowledge.training.networks import build_model  # noqa: E402
from dark_knowledge.training.recipes import Recipe  # noqa: E402

NETS = {
    "student": {
        "architecture": "plain",
        "channels": [32, 48, 96, 124],
        "pool": [True, True, True, False],
    },
    "plain-teacher": {
        "architecture": "plain",
        "channels": [32, 64, 128, 192, 256, 256],
        "pool": [True, True, True, False, False, False],
    },
    "resnet": {"architecture": "resnet", "stem": [32, 64], "stages": [[96, 1], [192, 2]]},
}
DROPOUT = {"architecture": "mlp", "hidden": [256, 256], "input_dropout": 0.2, "hidden_dropout": 0.5}
EPOCHS = {"student": 10, "plain-teacher": 12, "resnet": 12}
RECIPE = {
    "batch_size": 128,
    "optimiser": "sgd",
    "learning_rate": 0.1,
    "warmup": 0.2,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "max_norm": None,
    "label_smoothing": 0,
    "flip": True,
    "shift": 1,
}
TEMPERATURE, HARD_WEIGHT = 4.0, 0.1
IDX = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True)
class Kit:
    """Where a part computes and keeps its files; `tiny` is for a test of the kit itself, on few images."""

    device: str
    tiny: bool
    folder: Path

    @property
    def dataset(self) -> Path:
        return self.folder / "dataset.safetensors"

    @property
    def gpu(self) -> bool:
        return self.device == "cuda"

    def compute(self, precision: str = "auto") -> Compute:
        return choose_compute(self.device, precision, 1)

    def recipe(self, epochs: int = 1, **changed: object) -> Recipe:
        return Recipe(epochs=epochs, **RECIPE | ({"batch_size": 50} if self.tiny else {}) | changed)

    def part_of_data(self, images: int, device: torch.device | str) -> Dataset:
        """The first `images` training images, and all others."""
        data = load_dataset(self.dataset)
        few = replace(data, train_images=data.train_images[:images], train_labels=data.train_labels[:images])
        return few.to(device)


def prepare_data(folder: Path, kit: Kit) -> None:
    """Prepare the four IDX files of `folder`, packed or not, as the workflow does."""
    files = {}
    for part, name in IDX.items():
        plain, packed = folder / name, folder / f"{name}.gz"
        files[part] = plain
        if not plain.exists():
            files[part] = kit.folder / name
            files[part].write_bytes(gzip.decompress(packed.read_bytes()))
    split = Split(validation=100 if kit.tiny else 5000, seed=0)
    save_dataset(kit.dataset, *prepare(files, 10, split))


def new_net(settings: dict, data: Dataset, seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    net = build_model(settings, data.image_shape, data.classes)
    return net.to(data.train_images.device, memory_format=torch.channels_last)


def supervision_of(net: str, data: Dataset, epochs: int) -> Supervision:
    """The student learns from stored logits, which any will do for; teachers from labels."""
    if net != "student":
        return learn_from_labels(data.train_labels, 0)
    torch.manual_seed(0)
    shape = (epochs, len(data.train_images), data.classes)
    logits = torch.randn(shape, device=data.train_images.device).half()
    return learn_from_teacher(data.train_labels, logits, temperature=TEMPERATURE, hard_weight=HARD_WEIGHT)


def new_training(
    settings: dict, data: Dataset, recipe: Recipe, supervision: Supervision, compute: Compute
) -> loop._Training:
    """A training before its first step, with which the loop's own functions can be called one by one."""
    model = new_net(settings, data)
    optimiser = loop._make_optimiser(model, recipe, fused=True)
    chosen = torch.ones(len(data.train_images), dtype=torch.bool, device=compute.device)
    padded = pad_images(data.train_images, recipe.shift)
    return loop._Training(model, optimiser, data, padded, chosen, recipe, supervision, 0, compute)


def weights_of(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def train_command(kit: Kit, net: str, epochs: int, seed: int, out: Path, *words: object) -> list[str]:
    """The command line by which the workflow trains."""
    recipe = vars(kit.recipe(epochs))
    command = [sys.executable, SCRIPTS / "train_model.py", "--data", kit.dataset, "--accelerator", kit.device]
    command += ["--architecture", json.dumps(NETS[net]), "--recipe", json.dumps(recipe)]
    command += ["--seed", seed, "--split-seed", 0, "--out", out, *words]
    return [str(word) for word in command]


def say(what: str, value: object, unit: str = "", expected: str = "", ok: bool | None = None) -> None:
    """One finding of a part, at once: `ok` is None for a measurement that nothing decides."""
    print(json.dumps({"what": what, "value": value, "unit": unit, "expected": expected, "ok": ok}), flush=True)


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def asked(*words: str, stdin: str | None = None) -> str | None:
    """What a command of the system says; None where it is missing or fails."""
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
