"""Fixtures of the library's tests: a small part of the real Fashion-MNIST, and trainings that take half a second."""

import gzip
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path

import pytest
import torch
import yaml

from dark_knowledge.data.parts import Split
from dark_knowledge.data.prepared import Dataset, load_dataset, save_dataset
from dark_knowledge.data.preparing import prepare
from dark_knowledge.data.sources import FILES
from dark_knowledge.training.checkpoint import Progress
from dark_knowledge.training.devices import Compute
from dark_knowledge.training.loop import train
from dark_knowledge.training.losses import learn_from_labels
from dark_knowledge.training.networks import build_model
from dark_knowledge.training.recipes import Recipe
from dark_knowledge.training.teacher_logits import save_teacher_logits

from .training import Training, save_record

ROOT = Path(__file__).parents[2]
SUBSET = ROOT / "tests" / "data" / "fashion-mnist"
EPOCHS = 12  # of the trainings in processes of their own
FLOAT32 = Compute(torch.device("cpu"), bfloat16=False)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def config() -> dict:
    """The default study, a fresh copy."""
    return yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def idx_files(tmp_path_factory) -> dict[str, Path]:
    """The subset's four files, uncompressed, as `prepare` takes them."""
    folder = tmp_path_factory.mktemp("idx")
    for part, file in FILES.items():
        (folder / f"{part}.idx").write_bytes(gzip.decompress((SUBSET / f"{file}.gz").read_bytes()))
    return {part: folder / f"{part}.idx" for part in FILES}


@pytest.fixture(scope="session")
def data(idx_files, tmp_path_factory) -> Dataset:
    """500 training, 100 validation and 200 test images. Shared: a test must not write into its tensors."""
    path = tmp_path_factory.mktemp("prepared") / "dataset.safetensors"
    prepared = prepare(idx_files, 10, Split(validation=100, seed=0))
    save_dataset(path, *prepared)
    return load_dataset(path)


@pytest.fixture
def compute() -> Compute:
    return FLOAT32


@pytest.fixture
def recipe():
    """Make a recipe: this one, with the given settings changed."""
    return partial(
        Recipe,
        epochs=2,
        batch_size=50,
        optimiser="sgd",
        learning_rate=0.1,
        warmup=0.2,
        momentum=0.9,
        weight_decay=5e-4,
        max_norm=None,
        label_smoothing=0,
        flip=True,
        shift=2,
    )


@pytest.fixture
def make_model():
    """Build a small network with batch norm for images of 28x28 in 10 classes; the seed fixes its weights."""

    def make(seed: int = 0, channels: tuple[int, ...] = (4, 8)) -> torch.nn.Module:
        torch.manual_seed(seed)
        settings = {"architecture": "plain", "channels": list(channels), "pool": [True] * len(channels)}
        return build_model(settings, (1, 28, 28), 10).to(memory_format=torch.channels_last)

    return make


@pytest.fixture
def run(data, recipe, make_model, compute, tmp_path):
    """Train the small network of `seed` on labels, or whatever is said instead; returns it and its progress.

    Each call has a checkpoint of its own unless one is named.
    """
    number = count()

    def run(
        seed: int = 0,
        *,
        data: Dataset = data,
        supervision=None,
        model=None,
        checkpoint: Path | None = None,
        score_test: bool = False,
        identity: dict | None = None,
        transfer_set: torch.Tensor | None = None,
        **settings,
    ) -> tuple[torch.nn.Module, Progress]:
        model = model or make_model(seed)
        progress = train(
            model,
            data,
            recipe(**settings),
            supervision or learn_from_labels(data.train_labels, 0),
            seed=seed,
            compute=compute,
            score_test_each_epoch=score_test,
            checkpoint=checkpoint or tmp_path / f"run{next(number)}" / "resume.pt",
            identity={"seed": seed} if identity is None else identity,
            transfer_set=transfer_set,
        )
        return model, progress

    return run


@pytest.fixture(scope="session")
def training(idx_files, tmp_path_factory):
    """Make a training in a folder: from labels, or from labels and the logits of a teacher that was never trained."""
    inputs = tmp_path_factory.mktemp("inputs")
    recipe = Recipe(
        epochs=EPOCHS,
        batch_size=50,
        optimiser="sgd",
        learning_rate=0.1,
        warmup=0.2,
        momentum=0.9,
        weight_decay=5e-4,
        max_norm=None,
        label_smoothing=0,
        flip=True,
        shift=2,
    )
    prepared = prepare(idx_files, 10, Split(validation=100, seed=0))
    save_dataset(inputs / "dataset.safetensors", *prepared)
    logits = torch.randn(EPOCHS, 500, 10, generator=torch.Generator().manual_seed(0)).half()
    save_teacher_logits(inputs / "logits.safetensors", logits, recipe, seed=3)
    save_record(inputs / "logits.safetensors")
    return lambda out, distilled=False: Training(inputs, out, asdict(recipe), distilled)


@pytest.fixture(scope="session")
def uninterrupted(training, tmp_path_factory):
    """What a run finds that nobody disturbs, from labels (False) and from a teacher (True)."""
    found = {}
    for distilled in (False, True):
        whole = training(tmp_path_factory.mktemp("whole") / "run", distilled)
        whole.run_here()
        found[distilled] = whole.found()
    return found
