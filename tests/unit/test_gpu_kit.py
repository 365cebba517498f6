"""The kit for a machine with a GPU, on a CPU: the same code, its settings, its limits, what it writes."""

import contextlib
import csv
import itertools
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from snakemake.utils import update_config

from dark_knowledge.study import arms
from dark_knowledge.study.views import views_of

from .conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))

import gpu
import gpu_kit
import gpu_speed
import gpu_study


def test_the_kit_measures_the_default_study(config):
    for name, settings in gpu_kit.NETS.items():
        asked = config["models"][name]
        recipe = config["recipes"][asked["recipe"]]
        assert settings == {key: value for key, value in asked.items() if key != "recipe"}
        assert recipe == {"epochs": gpu_kit.EPOCHS[name]} | gpu_kit.RECIPE
    for experiment in config["experiments"].values():
        assert gpu_study.TEACHERS[experiment["teacher"]] == tuple(experiment["temperatures"])
        assert experiment["hard_weight"] == gpu_kit.HARD_WEIGHT


def test_the_kit_runs_as_many_jobs_as_the_default_study(config, tmp_path):
    kit = gpu_kit.Kit("cpu", tiny=False, folder=tmp_path)
    runs = sum(map(len, arms.arms_of(config).values()))
    cached = {(arm.teacher, seed) for arm, seeds in arms.arms_of(config).items() if arm.teacher for seed in seeds}
    jobs = gpu_study.jobs_of_study(kit)
    assert len(jobs) == runs + len(cached) + len(arms.arms_of(config))
    assert Counter(Path(job.command[1]).stem for job in jobs) == {
        "train_model": runs,
        "cache_teacher_logits": len(cached),
        "evaluate_runs": len(arms.arms_of(config)),
    }


def test_the_full_study_is_counted_right(config):
    update_config(config, yaml.safe_load((ROOT / "workflow/studies/full.yaml").read_text()))
    nets = {name: settings["architecture"] for name, settings in config["models"].items()}
    nets |= {"plain-teacher": "plain-teacher"}  # of the same architecture as the student
    names = {"plain": "student", "resnet": "resnet", "plain-teacher": "plain-teacher"}
    epochs, logits, jobs, cached = Counter(), Counter(), 0, set()
    for arm, seeds in arms.arms_of(config).items():
        recipe = config["recipes"][arms.recipe_of(config, arm.model)]
        epochs[names[nets[arm.model]]] += len(seeds) * recipe["epochs"]
        jobs += len(seeds) + 1  # and their evaluation
        for seed in seeds if arm.teacher else []:
            views = views_of(recipe)
            if (arm.teacher, str(views), seed) not in cached:
                cached.add((arm.teacher, str(views), seed))
                logits[names[nets[arm.teacher]]] += views["epochs"]
    assert epochs == gpu_study.FULL_EPOCHS
    assert logits == gpu_study.FULL_LOGITS
    assert jobs + len(cached) == gpu_study.FULL_JOBS


def test_the_full_study_is_extrapolated_from_measured_parts():
    found = {f"{net}, graph: epoch": 0.3 for net in gpu_kit.NETS} | {"start-up of a job": 4.8}
    assert gpu_study.extrapolated(found, processors=16) == {}  # what sharing gives was not measured
    found |= {"1 jobs, graph": 100.0, "4 jobs, graph": 300.0}
    work = 0.3 * (15_280 + 500 + 1_000 + (500 + 500 + 510) / 3)
    graph = pytest.approx((work / 3 + 370 * 4.8 / 16) / 60)
    assert gpu_study.extrapolated(found, 16) == {"graph": graph}
    found |= {"1 jobs under MPS, graph": 100.0, "16 jobs under MPS, graph": 1000.0}
    side_by_side = pytest.approx((work / 10 + 370 * 4.8 / 16) / 60)
    assert gpu_study.extrapolated(found, 16) == {"graph": graph, "graph under MPS": side_by_side}


def test_an_epoch_of_the_graphs_body_is_an_epoch_of_the_loop(data, recipe, compute):
    """Bit for bit, its measured losses and its weights, with stored logits and in the second epoch as in the first."""
    trained = []
    for way in (gpu_speed.eager_epochs, gpu_speed.graphed_epochs):
        supervision = gpu_kit.supervision_of("student", data, 3)
        training = gpu_kit.new_training(gpu_kit.NETS["student"], data, recipe(epochs=3), supervision, compute)
        measured = torch.stack(list(itertools.islice(way(training), 2)))
        assert measured.isfinite().all()
        trained.append((measured, gpu_kit.weights_of(training.model)))
    assert torch.equal(trained[0][0], trained[1][0])
    assert gpu_kit.same(trained[0][1], trained[1][1])


def test_the_capture_of_a_nets_passes_leaves_no_trace(data, recipe, compute, monkeypatch):
    """Its passes move the averages of batch norm, and replace the network's own code. CUDA's part is a fake."""
    supervision = gpu_kit.supervision_of("resnet", data, 1)
    training = gpu_kit.new_training(gpu_kit.NETS["resnet"], data, recipe(), supervision, compute)
    on_gpu = replace(training, compute=SimpleNamespace(device=SimpleNamespace(type="cuda"), bfloat16=False))
    before, captured = gpu_kit.weights_of(training.model), []

    def capture(model, arguments):
        captured.append(arguments[0].shape)
        model(arguments[0])
        model.forward = lambda images: "a graph"

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", capture)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    with gpu_speed.graphed_passes(on_gpu):
        assert gpu_kit.same(before, gpu_kit.weights_of(training.model))
        assert training.model("images") == "a graph"
    assert captured == [(recipe().batch_size, *data.image_shape)]
    assert "forward" not in vars(training.model)


def test_the_body_of_the_graph_reads_nothing_back(data, recipe, compute, monkeypatch):
    """On a GPU a value that the CPU reads within the graph would end its capture."""
    training = gpu_kit.new_training(
        gpu_kit.NETS["resnet"], data, recipe(), gpu_kit.supervision_of("student", data, 2), compute
    )
    graph = gpu_speed.GraphedEpochs(training)
    graph.train(0)
    graph.step.zero_()
    for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__int__", "__float__", "__index__"):
        monkeypatch.setattr(torch.Tensor, name, lambda *_, name=name: pytest.fail(f"{name} reads a tensor"))
    graph._body()


@pytest.fixture
def findings(tmp_path):
    return gpu.Findings(tmp_path / "out", gpu_kit.Kit("cpu", True, tmp_path))


def run_fake_part(findings, tmp_path, monkeypatch, code: str, limit: float) -> list[dict]:
    """Run a part whose program is `code`; returns what was written of it."""
    script = tmp_path / "part.py"
    script.write_text(code)
    monkeypatch.setattr(gpu, "__file__", str(script))
    gpu.run_part(gpu_kit.Kit("cpu", True, tmp_path), findings, "fake", limit)
    with findings.csv.open() as file:
        return list(csv.DictReader(file))


FINDS = """print('{"what": "speed", "value": 3.5, "unit": "1/s", "expected": "", "ok": true}', flush=True)\n"""


def test_a_part_that_takes_too_long_is_ended_and_keeps_what_it_found(findings, tmp_path, monkeypatch):
    code = FINDS + "import subprocess; subprocess.run(['sleep', '600'])"
    rows = run_fake_part(findings, tmp_path, monkeypatch, code, limit=2)
    assert [row["what"] for row in rows] == ["speed", "ended at its limit", "seconds of this part"]
    assert rows[0]["value"] == "3.5"
    assert float(rows[2]["value"]) < 60
    assert findings.failed()
    assert "| fake | speed | 3.5 1/s |" in findings.md.read_text()


def test_a_part_that_fails_says_why(findings, tmp_path, monkeypatch):
    rows = run_fake_part(findings, tmp_path, monkeypatch, FINDS + "raise ValueError('no such GPU')", limit=60)
    assert [row["what"] for row in rows] == ["speed", "failed", "seconds of this part"]
    assert rows[1]["value"] == "ValueError: no such GPU"


def test_parts_for_which_no_time_is_left_are_named(findings, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "run_part", lambda *_: pytest.fail("no time is left"))
    gpu.run_parts(SimpleNamespace(gpu=False, folder=tmp_path), findings, {"late": 60}, total=10)
    assert [row["what"] for row in findings.rows] == ["not reached"]


@pytest.mark.slow
def test_the_whole_kit_on_the_cpu(tmp_path):
    command = [sys.executable, ROOT / "benchmarks" / "gpu.py", "--device", "cpu", "--tiny", "--out", tmp_path]
    command += ["--data", ROOT / "tests" / "data" / "fashion-mnist"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "gpu_cpu.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["part"] for row in rows} == {*gpu.PARTS, "summary"}
    assert {row["ok"] for row in rows} == {"True", ""}
    assert sum(row["ok"] == "True" for row in rows) > 20
