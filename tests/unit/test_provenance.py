"""Where the numbers come from, and what a study left undone."""

import copy
import re

import pandas as pd
import pytest
import yaml
from snakemake.utils import update_config

from dark_knowledge.analysis import accuracy
from dark_knowledge.pages import provenance, rendering
from dark_knowledge.pages.summary import accuracy_story
from dark_knowledge.study.arms import Arm

from .results import make_results


@pytest.fixture
def full(config, root):
    """The full study, its differences laid over the default one, as much of it as the rule hands over."""
    study = copy.deepcopy(config)
    update_config(study, yaml.safe_load((root / "workflow/studies/full.yaml").read_text()))
    (keys,) = re.findall(r"full\[key\] for key in \((.*?)\)", (root / "workflow/rules/common.smk").read_text())
    return {key: study[key] for key in re.findall(r"\w+", keys)}


def test_the_default_study_leaves_seeds_temperatures_and_epochs(config, full):
    assert provenance.left_undone(config, full, {"cpu"}) == [
        "Seeds 3, 4, 5, 6, 7, 8, 9 of the full study.",
        "Experiment custom: temperatures 1, 1.5, 2, 3, 6, 10, 20 of the full study.",
        "Experiment resnet: temperatures 1.5, 3, 6, 10, 20 of the full study.",
        "Experiment resnet: controls label-smoothing, self-distillation, shuffled, whole-cost of the full study.",
        "Experiment unaugmented of the full study.",
        "Training as long as the full study's: plain-teacher for 12 epochs, not 50.",
        "Training as long as the full study's: resnet for 12 epochs, not 50.",
        "Training as long as the full study's: student for 10 epochs, not 50.",
        "A run on a GPU: nothing here shows its speed or its rounding.",
    ]


def test_a_network_is_trained_as_long_as_its_own_recipe_says(config, full):
    config["recipes"]["mine"] = config["recipes"]["teacher"] | {"epochs": 50}
    config["models"]["resnet"]["recipe"] = "mine"
    lines = provenance.left_undone(config, full, {"cuda"})
    shorter = [line for line in lines if line.startswith("Training as long")]
    assert [line.split(": ")[1].split()[0] for line in shorter] == ["plain-teacher", "student"]


def test_the_full_study_leaves_nothing(config, full):
    assert provenance.left_undone(config | full, full, {"cuda"}) == []


def test_another_data_set_is_not_compared(config, full):
    mine = config | {"dataset": "mnist", "split": {"validation": 500, "seed": 0, "test_limit": 1000}}
    assert provenance.left_undone(mine, full, {"mps"}) == ["The data set's other test images: 1,000 at most were used."]


def test_a_study_of_ones_own_is_not_compared_and_names_what_it_leaves_out(config, full):
    own = {"teacher": "resnet", "student": "mine", "temperatures": [4], "hard_weight": 0.1}
    mine = config | {"experiments": {"custom": None, "resnet": own, "mine": own, "also-mine": None}}
    left_out = ["Experiments that the configuration leaves out: custom, also-mine."]
    assert provenance.left_undone(mine, full, {"cuda"}) == left_out
    assert not provenance.is_form_of(mine, full)
    assert provenance.is_form_of(config, full)


def test_an_experiment_left_out_is_named(config, full):
    config["experiments"]["custom"] = None
    assert "Experiment custom of the full study." in provenance.left_undone(config, full, {"cuda"})


def test_checksums_are_those_of_the_files(tmp_path):
    files = {part: tmp_path / part for part in ("a", "b", "c")}
    for path in files.values():
        path.write_bytes(b"abc")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    table = provenance.file_table(files, {"a": abc, "b": None, "c": "0" * 64})
    assert (table["SHA-256 of the uncompressed file"] == abc).all()
    assert list(table.checked) == [
        "as in the config", "the config names no checksum", "differs from the config",
    ]  # fmt: skip


def test_benchmarks_are_summed_where_there_are_any(tmp_path):
    own = [Arm("net")]
    assert provenance.benchmark_table(tmp_path, own).empty
    for name, line in (("seed0", "10.0\t100.0"), ("seed1", "5.5\t300.0"), ("evaluate_runs", "0.2\tNA")):
        path = tmp_path / "runs" / "net" / "labels" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\n{line}\n")
    (path.parent / "empty.tsv").touch()
    (path.parent / "cut-off.tsv").write_text("s\tmax_")
    (tmp_path / "runs" / "net-of-before" / "labels").mkdir(parents=True)
    (tmp_path / "runs" / "net-of-before" / "labels" / "seed0.tsv").write_text("s\tmax_rss\n99.0\t999.0\n")
    assert provenance.benchmark_table(tmp_path, own).values.tolist() == [["train and evaluate", 3, "16", "300"]]


def test_machines_and_seeds_are_counted_from_the_runs():
    keys = {"machine": "m", "device": "cpu", "precision": "float32", "threads": 1, "torch": "2"}
    runs = pd.DataFrame(
        [
            keys | {"model": "a", "supervision": "labels", "seed": seed, "seconds": 1.0, "commit": commit,
                    "peak_memory_mb": 10.0 * seed}
            for seed, commit in ((2, "c1"), (0, "c1"), (10, None))
        ]
    )  # fmt: skip
    given = dict.fromkeys(keys) | {
        "machine": "not here",
        "model": "b",
        "supervision": "labels",
        "seed": -1,
        "commit": None,
    }
    machines = provenance.machine_table(pd.concat([runs, pd.DataFrame([given])]))
    assert list(machines.threads) == ["1", "1", "\N{EN DASH}"]
    machines = provenance.machine_table(runs)
    assert list(machines.commit) == ["c1", "unknown"]
    assert list(machines.runs) == [2, 1]
    assert list(machines["largest memory of a run, MB"]) == ["20", "100"]
    assert provenance.run_counts(runs).values.tolist() == [["a", "labels", 3, "0, 2, 10"]]


def test_the_summary_names_the_classes_that_a_part_lacks():
    lines = provenance.missing_classes({"missing_classes": {"train": [], "validation": ["<i>", "b"], "test": ["a"]}})
    assert lines == ["Without validation images: <i>, b.", "Without test images: a."]
    page = summary_of(missing_classes=lines)
    assert "<li>Without validation images: &lt;i&gt;, b.</li>" in page
    assert "<li>Without test images: a.</li>" in page
    assert "Without" not in summary_of()


def summary_of(**content: object) -> str:
    """A summary of no experiment, or with what is given."""
    names = ("accuracy", "gap", "cost", "payoff")
    empty = dict.fromkeys([*names, *(f"{name}_note" for name in names)], "")
    asked = {"study": "s", "dataset": "d", "seeds": [0], "own_seeds": [], "validation": 5, "fewest_seeds": 10}
    shown = {"experiments": [], "provenance": [], "missing_classes": [], "reproduction": None}
    return rendering.summary_page(**empty | asked | shown | content)


@pytest.mark.parametrize(("teacher", "told"), [(0.1, True), (0.5, False)])
def test_the_summary_says_where_a_teacher_is_not_ahead(teacher, told):
    results = make_results(3)
    runs = results["runs"]
    runs.loc[runs.model == "big", "last_test_accuracy"] = teacher + 0.01 * runs.seed
    runs.loc[(runs.model == "small") & (runs.supervision == "labels"), "last_test_accuracy"] = 0.3
    gap = accuracy.gap_table(results, accuracy.published_rows({}))
    story = accuracy_story("x", accuracy.accuracy_table(results), gap, None)
    unsaid = {"transfer_set": None, "rival": None, "figures": None, "recipes": {"teacher": None}}
    unsaid["taught_by_one_run"] = False
    hardest = dict.fromkeys(["hardest", *(f"hardest_{role}" for role in ("images", "teacher", "baseline", "student"))])
    page = summary_of(experiments=[story | unsaid | hardest | {"hardest_is_published": False}])
    assert ("the teacher is not ahead of the baseline" in page) == told
