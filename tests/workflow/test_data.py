"""Data sets that the project has never seen, from configuration to report; and what a refused or moved one costs."""

import csv
import json
import re
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from ..conftest import CHECKOUT, TINY, Workflow, findings

pytestmark = pytest.mark.slow

CLASSES = ["кот", "犬", "lis"]
# Few images, small networks, two epochs: every step, for nobody's accuracies.
SMALL = {
    "seeds": [0],
    "split": {"validation": 12, "seed": 0},
    "recipes": {name: {"epochs": 2, "batch_size": 8} for name in ("teacher", "student")},
    "models": {
        "resnet": {"stem": [4, 8], "stages": [[8, 1]]},
        "student": {"channels": [4, 8], "pool": [True, True]},
    },
    "experiments": {"custom": None, "resnet": {"temperatures": [4], "controls": {"shuffled-in-class": None}}},
}


def picture(label: int, number: int, size: tuple[int, int] = (12, 12)) -> np.ndarray:
    """A colour per class, under noise."""
    random = np.random.default_rng([label, number])
    return (random.integers(0, 156, (*size, 3)) + 100 * np.eye(3, dtype=int)[label]).astype(np.uint8)


def image_folder(folder) -> dict:
    for part, count in (("train", 20), ("test", 8)):
        for label, name in enumerate(CLASSES):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                image = Image.fromarray(picture(label, 100 * (part == "test") + number, (10 + number, 16)))
                image.save(folder / part / name / f"{number}.png")
    shutil.copy(folder / "train" / CLASSES[0] / "3.png", folder / "test" / CLASSES[0] / "same.png")
    return {"image_folder": str(folder), "size": [12, 12]}


def arrays(folder) -> dict:
    folder.mkdir()
    parts = {}
    for part, count in (("train", 60), ("test", 24)):
        labels = np.arange(count) % 3
        images = [picture(label, number + 1000 * (part == "test")) for number, label in enumerate(labels)]
        parts |= {f"{part}_images": np.stack(images).astype(np.float32) / 255, f"{part}_labels": labels}
    np.savez(folder / "mine.npz", **parts)
    return {"arrays": str(folder / "mine.npz"), "range": [0, 1], "classes": CLASSES}


def torchvision(folder) -> dict:
    """GTSRB in torchvision's own form: .ppm files of many sizes, the test labels in a table."""
    root = folder / "gtsrb"
    for label in range(3):
        (root / "GTSRB" / "Training" / f"{label:05}").mkdir(parents=True)
        for number in range(20):
            image = Image.fromarray(picture(label, number, (15 + number, 20)))
            image.save(root / "GTSRB" / "Training" / f"{label:05}" / f"{number}.ppm")
    (root / "GTSRB" / "Final_Test" / "Images").mkdir(parents=True)
    with (root / "GT-final_test.csv").open("w") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(["Filename", "ClassId"])
        for number in range(24):
            image = Image.fromarray(picture(number % 3, 500 + number))
            image.save(root / "GTSRB" / "Final_Test" / "Images" / f"{number}.ppm")
            table.writerow([f"{number}.ppm", number % 3])
    return {"torchvision": "GTSRB", "folder": str(folder), "size": [12, 12], "classes": CLASSES}


def run_on(workflow, dataset: dict, *targets: str) -> Path:
    """Run a small study on a data set that nobody knows; the folder of its results."""
    study = {"study": "mine", "dataset": "unknown", "datasets": {"unknown": dataset}} | SMALL
    (workflow.folder / "mine.yaml").write_text(yaml.safe_dump(study, allow_unicode=True))
    done = workflow.snakemake("--cores", "2", *targets, "--configfile", "mine.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    results = workflow.folder / "results" / "mine"
    with next(results.glob("data/*/train_images.idx")).open("rb") as file:
        assert struct.unpack(">4I", file.read(20)[4:]) == (60, 3, 12, 12)
    for name in CLASSES:
        assert name in (results / "figures" / "samples.svg").read_text()
    return results


def test_an_unknown_data_set_comes_out_in_the_report(workflow):
    """The results have a folder data too, beside the configuration that the report is made with."""
    results = run_on(workflow, image_folder(workflow.folder / "data") | {"image_folder": "data"})
    assert "error_explorer.html" in (results / "report.html").read_text()
    explorer = (results / "pages" / "error_explorer.html").read_text()
    assert "invert(1)" not in explorer  # colours are shown as they are
    assert "1 of the test images are also" in (results / "pages" / "provenance.html").read_text()
    assert workflow.plan("--configfile", "mine.yaml") == {}


@pytest.mark.parametrize("make", [arrays, torchvision])
def test_in_other_forms_it_is_the_same_up_to_the_training(workflow, tmp_path, make):
    targets = ("figures/samples.svg", "data/dataset.safetensors", "data/findings.json")
    results = run_on(workflow, make(tmp_path / "data"), *(f"results/mine/{target}" for target in targets))
    assert json.loads((results / "data" / "findings.json").read_text())["test_images_in_training"] == 0


COMPUTING = {
    "prepare_dataset",
    "train_model",
    "cache_teacher_logits",
    "distill_model",
    "evaluate_runs",
    "collect_results",
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, tiny_study):
    return Workflow(tmp_path_factory.mktemp("tiny") / "checkout", tiny_study)


def computing(tiny, *config: str) -> set[str]:
    """The rules that would compute anything again."""
    return {rule for rule in tiny.plan("--configfile", TINY, "--config", *config) if rule in COMPUTING}


def test_the_same_images_from_elsewhere_compute_nothing(tiny, tmp_path):
    shutil.copytree(CHECKOUT / "tests" / "data" / "fashion-mnist", tmp_path / "elsewhere")
    assert computing(tiny, f"datasets={{subset: {{folder: {tmp_path / 'elsewhere'}}}}}") == set()
    assert computing(tiny, "datasets={subset: {mirrors: ['http://127.0.0.1:1']}}") == set()


def test_another_name_of_a_class_computes_nothing(tiny):
    names = [f'"{name}"' for name in ("shirt", "trousers", *range(2, 10))]
    again = tiny.plan("--configfile", TINY, "--config", f"datasets={{subset: {{classes: [{', '.join(names)}]}}}}")
    assert not again.keys() & COMPUTING
    assert again.keys() >= {"make_tables", "plot_experiment", "plot_samples", "write_error_explorer", "write_summary"}


def test_other_images_compute_everything(tiny):
    assert computing(tiny, "datasets={subset: {folder: tests/data/mnist}}") == COMPUTING


def failed(tiny, *config: str) -> str:
    """The line that a refused study ends with."""
    refused = tiny.snakemake("--cores", "1", "--configfile", TINY, "--config", *config)
    text = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "rule train_model" not in text
    return re.search(r"error: .*", text)[0]


def test_a_study_that_was_refused_costs_nothing(tiny, tmp_path):
    results = tiny.folder / "results" / "tiny"
    before = findings(results)
    assert "split.validation is 5; allowed: at least 10" in failed(tiny, "split={validation: 5}")
    batches = "recipes={teacher: {batch_size: 2}, student: {batch_size: 2}}"
    assert "allowed: 10 to 590" in failed(tiny, "split={validation: 595}", batches)
    shutil.copytree(CHECKOUT / "tests" / "data" / "fashion-mnist", tmp_path / "bad")
    (tmp_path / "bad" / "train-images-idx3-ubyte.gz").write_bytes(b"<html>")
    folder = f"datasets={{subset: {{folder: {tmp_path / 'bad'}}}}}"
    assert f"{tmp_path / 'bad'}/train-images-idx3-ubyte.gz is not an IDX file" in failed(tiny, folder)
    again = tiny.snakemake("--cores", "2", "--configfile", TINY)
    assert again.returncode == 0, again.stdout + again.stderr
    assert not [rule for rule in COMPUTING if f"rule {rule}:" in again.stdout + again.stderr]
    assert findings(results) == before
    for config in ("split={validation: 595}", folder):
        failed(tiny, config, batches)  # once more: what failed is not taken for done
