"""What a user brings - networks, weights, logits - and teachers that were taught, from the configuration to the report."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.numpy import load_file

from ..conftest import TINY

pytestmark = pytest.mark.slow

DOORS = "tests/data/doors/doors.yaml"
FOLDER = "tests/data/doors"


def write_teachers(workflow) -> None:
    """What another program would have left: weights of the user's network, and logits that know most labels."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 7, 5, stride=4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(),
        torch.nn.Linear(16 * 7, 10),
    )  # fmt: skip
    torch.save({"model": network.state_dict(), "epoch": 240}, workflow.folder / FOLDER / "pretrained.pth")
    random = np.random.default_rng(0)
    labels = {
        part: (np.frombuffer(__import__("gzip").decompress((workflow.folder / "tests/data/fashion-mnist" / file).read_bytes()), np.uint8, offset=8))
        for part, file in (("train", "train-labels-idx1-ubyte.gz"), ("test", "t10k-labels-idx1-ubyte.gz"))
    }
    logits = {part: random.normal(size=(len(own), 10)) + 4 * np.eye(10)[own] for part, own in labels.items()}
    np.savez(workflow.folder / FOLDER / "external.npz", **logits)


@pytest.fixture(scope="module")
def doors(workflow_of_module):
    workflow = workflow_of_module
    write_teachers(workflow)
    workflow.run = workflow.snakemake("--cores", "2", "--configfile", TINY, DOORS)
    assert workflow.run.returncode == 0, workflow.run.stdout + workflow.run.stderr
    workflow.results = workflow.folder / "results" / "doors"
    return workflow
