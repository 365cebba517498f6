"""What each study would run, and what is refused before anything runs."""

import math
from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest
import yaml
from snakemake.utils import update_config

from dark_knowledge.study.arms import arms_of

from ..conftest import CHECKOUT

ONCE = {
    "collect_results": 1, "describe_dataset": 1, "download_dataset": 1, "judge_claims": 1, "make_tables": 1,
    "plot_payoff": 1, "plot_samples": 1, "prepare_dataset": 1, "report": 1, "save_asked": 1, "save_config": 1,
    "save_design": 1, "save_settings": 1, "study": 1, "write_claims": 1, "write_curves": 1, "write_error_explorer": 1,
    "write_provenance": 1, "write_summary": 1, "write_tables": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def planned(workflow_of_module) -> Callable[[str], dict[str, int]]:
    """Jobs per rule of a study of the project's, planned once."""

    @cache
    def planned(study: str) -> dict[str, int]:
        named = [] if study == "note" else ["--configfile", f"workflow/studies/{study}.yaml"]
        return workflow_of_module.plan(*named)

    return planned


# Trained models, stored teachers and distilled arms of one seed, evaluated arms, experiments.
STUDIES = {
    "note": (3, 3, 2, 1 + 4 + 1, 9, 2),  # both experiments share the baseline; one control is distilled
    "smoke": (2, 3, 2, 1 + 2 + 1, 7, 2),
    "full": (
        10,
        7,
        4,
        8 + (8 + 2) + 1 + 4,
        30,
        3,
    ),  # the student teaches too, and soft targets are shuffled in two ways
}


@pytest.mark.parametrize("study", STUDIES)
def test_jobs_of_a_study(planned, study):
    seeds, trained, teachers, distilled, evaluated, experiments = STUDIES[study]
    assert planned(study) == ONCE | {
        "train_model": trained * seeds,
        "cache_teacher_logits": teachers * seeds,
        "distill_model": distilled * seeds,
        "evaluate_runs": evaluated,
        "plot_experiment": experiments,
    }


# Other studies, some of whose experiments have seeds of their own: trainings on labels, stored logits, distillations,
# evaluated arms, experiments.
IN_ALL = {
    # A teacher's logits are stored once for recipes that differ in their rates alone.
    "annealing": (3 * 10, 10, 2 * 10, 5, 2),
    # Two teachers and one of two seeds; baselines of ten seeds, two rates of five, and one longer.
    "as-written": (2 * 10 + 2 + 4 * 10 + 2 * 5 + 10, 2 * 10 + 2, 4 * 10 + 2 * 5 + 2, 3 + 7 + 7, 7),
    # Teacher, baseline, the same with erasing, and longer.
    "patient": (4 * 5, 5, 5, 5, 1),
    # Eight parts, two of them with five seeds: teacher, baseline, smoothed, longer. Two informed students more.
    "when": (4 * (6 * 10 + 2 * 5), 2 * (6 * 10 + 2 * 5) + 10, 2 * (6 * 10 + 2 * 5) + 2 * 5, 4 * 8 + 2 * 8 + 2, 10),
}


@pytest.mark.slow
@pytest.mark.parametrize("study", IN_ALL)
def test_jobs_of_a_study_in_all(planned, study):
    rules = ("train_model", "cache_teacher_logits", "distill_model", "evaluate_runs", "plot_experiment")
    assert planned(study) == ONCE | dict(zip(rules, IN_ALL[study], strict=True))


@pytest.mark.parametrize("study", [*STUDIES, pytest.param("hinton2015", marks=pytest.mark.slow)])
def test_cluster_jobs_of_a_study_are_those_of_the_documentation(planned, study):
    profile = yaml.safe_load((CHECKOUT / "profiles/slurm/profile.yaml").read_text())
    assert profile["groups"]["distill_model"] == "students_{teacher}_{seed}"
    students, evaluations = (profile["group-components"][group] for group in profile["groups"].values())
    plan = planned(study)
    config = yaml.safe_load((CHECKOUT / "config.yaml").read_text())
    if study != "note":
        update_config(config, yaml.safe_load((CHECKOUT / "workflow/studies" / f"{study}.yaml").read_text()))
    taught = Counter((arm.teacher, seed) for arm, seeds in arms_of(config).items() if arm.teacher for seed in seeds)
    assert taught.total() == plan["distill_model"]
    sent = sum(plan[rule] for rule in ("train_model", "cache_teacher_logits", "distill_model", "evaluate_runs"))
    cluster_jobs = plan["train_model"] + plan["cache_teacher_logits"] + math.ceil(plan["evaluate_runs"] / evaluations)
    cluster_jobs += sum(math.ceil(runs / students) for runs in taught.values())
    assert f"| {study} | {sent} | {cluster_jobs} |" in (CHECKOUT / "docs/running.md").read_text()


def test_an_archive_of_the_report_is_made_where_it_is_asked_for(workflow, planned):
    assert "zip_report" not in planned("note")
    assert workflow.plan("--config", "report_zip=true")["zip_report"] == 1


def test_an_experiment_is_left_out_by_null(workflow):
    (workflow.folder / "mine.yaml").write_text("experiments: {custom: null}")
    plan = workflow.plan("--configfile", "mine.yaml")
    assert (plan["train_model"], plan["distill_model"], plan["plot_experiment"]) == (6, 15, 1)


def test_lists_and_mappings_are_given_on_the_command_line(workflow):
    plan = workflow.plan("--config", "seeds=[0, 1]", "experiments={custom: null, resnet: {temperatures: [2.5]}}")
    assert (plan["train_model"], plan["distill_model"], plan["plot_experiment"]) == (4, 4, 1)


def test_self_distillation_needs_no_new_rule(workflow):
    (workflow.folder / "mine.yaml").write_text("experiments: {custom: null, resnet: {teacher: student}}")
    plan = workflow.plan("--configfile", "mine.yaml")
    assert (plan["train_model"], plan["cache_teacher_logits"], plan["distill_model"]) == (6, 6, 15)


def test_another_folder_works(workflow, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    plan = workflow.plan("--snakefile", str(workflow.folder / "Snakefile"), "--directory", str(away))
    assert plan["train_model"] == 9


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("seedz: [1]", "'seedz'"),
        ("experiments: {new: {teacher: resnet, temperatures: [4], hard_weight: 0}}", "'experiments.new.student'"),
        ("split: {train_limit: 100}", "split.validation is 5000; allowed: less than split.train_limit"),
        ("recipes:\n  student:\n    epochs: 1\n    epochs: 2", "line 4: key 'epochs' stands there twice"),
    ],
)
def test_a_bad_configuration_is_refused_in_one_line(workflow, override, named):
    """One of a kind, as it comes through Snakemake; test_study.py has them all."""
    (workflow.folder / "bad.yaml").write_text(override)
    refused = workflow.snakemake("--cores", "1", "--configfile", "bad.yaml")
    errors = [line for line in refused.stderr.splitlines() if "error" in line.lower()]
    assert refused.returncode != 0
    assert len(errors) == 1
    assert errors[0].startswith("error: config: ")
    assert named in errors[0]
    assert "Traceback" not in refused.stdout + refused.stderr
    assert not [path for path in (workflow.folder / "results").glob("*") if path.name != "reference"]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"study: [a", "not valid JSON or YAML"),
        (b"", "keys at top level"),
        (b"study: !!python/object/apply:os.system ['touch harmed']\n", "not valid JSON or YAML"),
        (None, "No such file or directory: "),
    ],
)
def test_a_file_that_snakemake_cannot_read_stops_it(workflow, content, named):
    """These words are Snakemake's own: it reads the file before the workflow."""
    if content is not None:
        (workflow.folder / "bad.yaml").write_bytes(content)
    refused = workflow.snakemake("--cores", "1", "--configfile", "bad.yaml")
    assert refused.returncode != 0
    assert named in refused.stderr
    assert not (workflow.folder / "harmed").exists()
    assert not [path for path in (workflow.folder / "results").glob("*") if path.name != "reference"]


@pytest.mark.slow
def test_a_corrupt_file_is_named_and_stops_before_training(workflow, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (source / f"{name}-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x01\0")
    dataset = {"folder": str(source), "mirrors": [], "debian_package": None}
    config = {"study": "corrupt", "dataset": "mine"}
    defaults = yaml.safe_load((workflow.folder / "config.yaml").read_text())["datasets"]["mnist"]
    config["datasets"] = {"mine": {**defaults, **{key: value for key, value in dataset.items() if value is not None}}}
    (workflow.folder / "mine.yaml").write_text(yaml.safe_dump(config))
    failed = workflow.snakemake("--cores", "1", "--configfile", "mine.yaml")
    text = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert f"error: train-images-idx3-ubyte of data set 'mine' was found nowhere ({source}" in text
    assert "has SHA-256" in text
    assert "rule train_model" not in text
    assert "restart" not in text  # it would be refused again
    assert not list((workflow.folder / "results" / "corrupt").rglob("*.idx"))
