"""What a user brings - networks, weights, logits - and teachers that were taught, up to the report."""

import gzip
import json
import os

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.numpy import load_file
from torch import nn

from ..conftest import CHECKOUT, TINY

pytestmark = pytest.mark.slow

STUDY = "tests/data/doors/doors.yaml"


def write_teachers(folder) -> dict[str, np.ndarray]:
    """Leave what another program would: weights of the user's network, and logits, which are returned."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 7, 5, stride=4), nn.ReLU(), nn.Conv2d(7, 7, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(112, 10),
    )  # fmt: skip
    torch.save({"model": network.state_dict(), "epoch": 240}, folder / "tests/data/doors/pretrained.pth")
    random, logits = np.random.default_rng(0), {}
    for part, file in (("train", "train-labels-idx1-ubyte.gz"), ("test", "t10k-labels-idx1-ubyte.gz")):
        content = gzip.decompress((folder / "tests/data/fashion-mnist" / file).read_bytes())
        labels = np.frombuffer(content, np.uint8, offset=8)
        logits[part] = (random.normal(size=(len(labels), 10)) + 4 * np.eye(10)[labels]).astype(np.float32)
    np.savez(folder / "tests/data/doors/external.npz", **logits)
    return logits


@pytest.fixture(scope="module")
def doors(workflow_of_module):
    workflow = workflow_of_module
    workflow.given = write_teachers(workflow.folder)
    run = workflow.snakemake("--cores", "2", "--configfile", TINY, STUDY)
    assert run.returncode == 0, run.stdout + run.stderr
    workflow.results = workflow.folder / "results" / "doors"
    return workflow


def metrics(doors, run: str) -> dict:
    return json.loads((doors.results / "runs" / run / "seed0/metrics.json").read_text())


def test_the_report_has_every_door(doors):
    runs = pd.read_csv(doors.results / "tables" / "runs.csv")
    assert set(runs.model + "/" + runs.supervision) == {
        "resnet/labels", "own/labels", "own/resnet_T4_w0.1", "own/resnet_T4_w0.1_by-dkd", "torchvisions/labels",
        "torchvisions/resnet_T4_w0.1", "pretrained/labels", "external/labels", "students/labels", "student/labels",
        "student/pretrained_T4_w0.1", "student/external_T4_w0.1", "student/assistant_T4_w0.1",
        "student/students_T4_w0.1",
    }  # fmt: skip
    assert set(runs.seed[runs.model.isin(["pretrained", "external", "students"])]) == {-1}
    report = (doors.results / "report.html").read_text()
    for name in ("losses.svg", "losses.html", "provenance.html"):
        assert name in report


def test_stored_logits_are_the_given_rows_image_by_image(doors):
    data = load_file(doors.results / "data" / "dataset.safetensors")
    given = doors.given["train"][data["train_index"]]
    stored = load_file(doors.results / "teacher_logits/external/epochs1/seed0.safetensors")["logits"]
    np.testing.assert_array_equal(stored, given[None])
    evaluated = load_file(doors.results / "runs/external/labels/logits.safetensors")
    np.testing.assert_array_equal(evaluated["last/train"], given[None])
    np.testing.assert_array_equal(evaluated["last/test"], doors.given["test"][data["test_index"]][None])


def test_given_weights_are_those_that_teach(doors):
    weights = torch.load(doors.folder / "tests/data/doors/pretrained.pth", weights_only=True)["model"]
    filed = load_file(doors.results / "runs/pretrained/labels/seed0/weights.safetensors")
    assert filed.keys() == weights.keys()
    assert all((filed[name] == value.numpy()).all() for name, value in weights.items())
    record = json.loads((doors.results / "teacher_logits/pretrained/epochs1/seed0.json").read_text())
    assert record["teacher_weights"] == metrics(doors, "pretrained/labels")["files"]["weights"]


def test_a_student_teaches_the_next_one_and_an_ensemble_is_made_of_students(doors):
    assistant = metrics(doors, "own/resnet_T4_w0.1")["files"]["weights"]
    record = json.loads((doors.results / "teacher_logits/assistant/epochs1/seed0.json").read_text())
    assert record["teacher_weights"] == assistant
    assert metrics(doors, "students/labels")["members"] == [assistant]


def test_costs_count_a_chain_and_say_what_was_trained_elsewhere(doors):
    costs = pd.read_csv(doors.results / "tables" / "cost.csv").set_index(["experiment", "arm"])
    chain, plain = costs.loc[("chain", "student, T = 4")], costs.loc[("own", "student, T = 4")]
    assert chain.teacher_multiply_adds == plain.total_multiply_adds
    assert not chain.elsewhere
    for name in ("pretrained", "external"):
        assert costs.elsewhere[name, "teacher"]
        assert costs.elsewhere[name, "student, T = 4"]
        assert costs.teacher_seconds[name, "student, T = 4"] == 0
    shown = (doors.results / "tables" / "cost.html").read_text()
    assert "and a training not here" in shown
    page = (doors.results / "pages" / "provenance.html").read_text()
    assert "Model pretrained was not trained here. It is the file tests/data/doors/pretrained.pth, SHA-256" in page


def test_a_loss_stands_beside_the_students(doors):
    losses = pd.read_csv(doors.results / "tables" / "losses.csv")
    assert losses.arm.tolist() == ["dkd, T = 4"]
    runs = pd.read_csv(doors.results / "tables" / "runs.csv").set_index(["model", "supervision"]).last_test_accuracy
    lead = runs["own", "resnet_T4_w0.1_by-dkd"] - runs["own", "resnet_T4_w0.1"]
    assert losses.arm_minus_student[0] == pytest.approx(100 * lead)
    assert metrics(doors, "own/resnet_T4_w0.1_by-dkd")["loss"] == {"function": "decoupled", "alpha": 1, "beta": 2}


def test_a_second_run_has_nothing_to_do(doors):
    assert doors.plan("--configfile", TINY, STUDY) == {}


@pytest.mark.parametrize("file", ["external.npz", "pretrained.pth"])
def test_a_replaced_file_is_noticed_though_its_time_is_older(doors, file):
    path = doors.folder / "tests/data/doors" / file
    content, times = path.read_bytes(), path.stat()
    path.write_bytes(content + b" ")
    os.utime(path, (0, 0))
    try:
        assert doors.plan("--configfile", TINY, STUDY)["assemble_run"] == 1
    finally:
        path.write_bytes(content)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("file", ["external.npz", "pretrained.pth"])
def test_a_new_time_alone_changes_nothing(doors, file):
    (doors.folder / "tests/data/doors" / file).touch()
    assert doors.plan("--configfile", TINY, STUDY) == {}


def test_an_edited_network_trains_what_uses_it_and_nothing_else(doors):
    path = "tests/data/doors/my_nets.py"
    doors.edit(path, "nn.AdaptiveAvgPool2d(4)", "nn.AdaptiveMaxPool2d(4)")
    try:
        planned = doors.snakemake("--dry-run", "--configfile", TINY, STUDY).stdout
        trained = {
            line.split("runs/")[1].split("/seed")[0]
            for line in planned.splitlines()
            if line.startswith("    output:") and "/seed0/weights.safetensors" in line
        }
        assert {"own/labels", "torchvisions/labels", "pretrained/labels", "student/assistant_T4_w0.1"} <= trained
        assert not {"student/labels", "resnet/labels", "student/external_T4_w0.1"} & trained
    finally:
        doors.edit(path, "nn.AdaptiveMaxPool2d(4)", "nn.AdaptiveAvgPool2d(4)")


def test_an_error_of_the_users_code_is_in_the_log_of_its_job(doors):
    doors.edit(STUDY, 'my_nets.py:wide", width: 6', 'my_nets.py:broken"')
    try:
        target = "results/doors/runs/own/labels/seed0/metrics.json"
        failed = doors.snakemake("--cores", "1", target, "--configfile", TINY, STUDY)
        assert failed.returncode != 0
        log = (doors.results / "logs/runs/own/labels/seed0.log").read_text().splitlines()
        said = "my_nets.py:broken failed when it was called with num_classes=10; its own traceback:"
        assert log[0] == f"error: tests/data/doors/{said}"
        assert log[-1] == "RuntimeError: no network of 10"
    finally:
        doors.edit(STUDY, 'my_nets.py:broken"', 'my_nets.py:wide", width: 6')


def test_on_a_cluster_a_student_that_teaches_shares_no_job_with_those_it_teaches(doors):
    profile = yaml.safe_load((CHECKOUT / "profiles/slurm/profile.yaml").read_text())
    groups = [f"{rule}={group}" for rule, group in profile["groups"].items()]
    components = [f"{group}={number}" for group, number in profile["group-components"].items()]
    again = ("--configfile", TINY, STUDY, "--forceall")
    assert doors.plan(*again, "--groups", *groups, "--group-components", *components) == doors.plan(*again)
