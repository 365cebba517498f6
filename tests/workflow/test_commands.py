"""Each rule's printed command, held against what the configuration asks for: a swapped wire there trains or scores
another run under the name of this one."""

import json
import re
import shlex

import pytest
import yaml

from .recomputed import (
    ASKED,
    CLASSES,
    CONFIG,
    LOSSES,
    RUNS,
    TRANSFER_SETS,
    logits_stem,
    network_of,
    recipe_of,
    views_of,
)
from .test_paper import TINY

RESULTS = "results/recomputed"
DATA = f"{RESULTS}/data/dataset.safetensors"
COMPUTE = {"accelerator": "cpu", "precision": "float32", "threads": "1"}
PARTS = [f"{part}_{kind}" for part in ("train", "test") for kind in ("images", "labels")]
PUBLISHED = {"of-committee": {}, "of-large": ASKED["experiments"]["of-large"]["published"]["subset"]}


def plan_of(workflow, *arguments: str) -> str:
    """What Snakemake says of all jobs of a study."""
    planned = workflow.snakemake("--dry-run", "--forceall", "--printshellcmds", *arguments)
    assert planned.returncode == 0, planned.stderr
    return planned.stdout


def commands_in(plan: str) -> dict[str, dict[str, dict]]:
    """By script and output, the options of each command that a study would run, JSON read."""
    found = {}
    for line in plan.splitlines():
        if "workflow/scripts/" not in line or not line.startswith("Shell command: python "):
            continue
        words = shlex.split(line.removeprefix("Shell command: python ").partition(" > ")[0])
        options, name = {}, None
        for word in words[1:]:
            if word.startswith("--"):
                name = word.removeprefix("--")
                options[name] = []
            else:
                options[name].append(word)
        options = {name: read(values) for name, values in options.items()}
        script, out = words[0].rpartition("/")[2], options.get("out") or options.get("csv") or options.get("tables")
        found.setdefault(script, {})[out] = options
    return found


def read(values: list[str]) -> object:
    """The one value of an option, JSON read where it is some; a list of several; None of a flag."""
    if len(values) != 1:
        return values or None
    return json.loads(values[0]) if values[0][0] in "[{" else values[0]


@pytest.fixture(scope="module")
def plan(workflow_of_module):
    return plan_of(workflow_of_module, "--configfile", CONFIG)


@pytest.fixture(scope="module")
def commands(plan):
    return commands_in(plan)


@pytest.fixture(scope="module")
def jobs(plan):
    """By rule, the inputs and the outputs of each of its jobs."""
    found = {}
    for rule, lines in re.findall(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)*)", plan, re.MULTILINE):
        files = dict(re.findall(r"^ {4}(input|output): (.*)$", lines, re.MULTILINE))
        sides = [set(files[side].split(", ")) if side in files else set() for side in ("input", "output")]
        found.setdefault(rule, []).append(sides)
    return found


def place(run: tuple[str, str], seed: int | None = None) -> str:
    return f"{RESULTS}/runs/{'/'.join(run)}" + (f"/seed{seed}" if seed is not None else "")


def test_trainings(commands):
    expected = {}
    for run, (teacher, temperature, hard_weight, transfer, seeds) in RUNS.items():
        for seed in seeds if run[0] != "committee" else ():
            asked = {"data": DATA, "architecture": network_of(run[0]), "recipe": recipe_of(run[0]), "seed": str(seed)}
            asked |= {"transfer-set": TRANSFER_SETS[transfer], "split-seed": "4", "out": place(run, seed)} | COMPUTE
            if run[0] in ASKED["score_test_each_epoch"]:
                asked["score-test-each-epoch"] = None
            if teacher is not None:
                asked["teacher-logits"] = f"{RESULTS}/{logits_stem(run, seed)}.safetensors"
                asked |= {"temperature": f"{temperature:g}", "hard-weight": f"{hard_weight:g}"}
            if run in LOSSES:
                asked["loss"] = LOSSES[run]
            expected[asked["out"]] = asked
    assert commands["train_model.py"] == expected


def test_teachers_logits(commands):
    """The teacher's last weights, of the student's own seed, on the views that the student sees."""
    expected = {}
    for run, (teacher, *_, transfer, seeds) in RUNS.items():
        for seed in seeds if teacher else ():
            _, views = views_of(run[0])
            out = f"{RESULTS}/{logits_stem(run, seed)}"
            part = TRANSFER_SETS["part"] if transfer == "part" else {}
            own = place((teacher, "labels"), 5 if teacher == "committee" else seed)
            expected[f"{out}.safetensors"] = COMPUTE | {
                "data": DATA, "architecture": network_of(teacher), "weights": f"{own}/weights.safetensors",
                "views": views, "seed": str(seed), "transfer-set": part, "split-seed": "4",
                "out": f"{out}.safetensors", "record": f"{out}.json",
            }  # fmt: skip
    assert commands["cache_teacher_logits.py"] == expected


def test_an_ensemble_has_the_members_of_all_seeds_in_their_order(commands):
    out = place(("committee", "labels"), 5)
    options = {"data": DATA, "architecture": network_of("committee"), "seed": "5", "out": out}
    options |= {"members": place(("member", "labels")), "seeds": ["5", "2", "8"]}
    assert commands["assemble_run.py"] == {out: options}


def test_evaluations(commands):
    expected = {}
    for run, (*_, transfer, seeds) in RUNS.items():
        out = f"{place(run)}/logits.safetensors"
        expected[out] = COMPUTE | {
            "data": DATA, "architecture": network_of(run[0]), "transfer-set": TRANSFER_SETS[transfer],
            "split-seed": "4", "out": out, "runs": place(run),
            "seeds": [str(seed) for seed in seeds] if len(seeds) > 1 else str(seeds[0]),
        }  # fmt: skip
    assert commands["evaluate_runs.py"] == expected


@pytest.mark.slow
def test_no_command_grows_with_the_runs_out_of_what_linux_takes(workflow, tmp_path):
    """One word of a command line, and the shell gets the whole command as one, may have 128 KiB; 16 bytes a seed."""
    (tmp_path / "many.yaml").write_text(f"seeds: {list(range(2**32 - 500, 2**32))}")
    out = f"{place(('committee', 'labels'))}/logits.safetensors"
    commands = commands_in(plan_of(workflow, out, "--configfile", CONFIG, str(tmp_path / "many.yaml")))
    assert len(commands["train_model.py"]) == len(next(iter(commands["assemble_run.py"].values()))["seeds"]) == 500
    assert max(len(str(options)) for made in commands.values() for options in made.values()) < 2**13


def stored_parts(folder: str) -> dict[str, str]:
    return {part.replace("_", "-"): f"{folder}/{part}.idx" for part in PARTS}


def test_data(commands):
    source, split = ASKED["datasets"]["subset"], ASKED["split"]
    ((folder, options),) = commands["download_dataset.py"].items()  # named after what the images are
    assert options == {"dataset": "subset", "source": source, "split": split, "out": folder}
    stored = stored_parts(folder)
    for script, out in (("describe_dataset.py", f"{RESULTS}/data/findings.json"), ("prepare_dataset.py", DATA)):
        names = {"classes": "10" if script == "prepare_dataset.py" else CLASSES}
        assert commands[script] == {out: stored | names | {"split": split, "out": out}}


def test_analysis(commands):
    collected, config = {"collected": f"{RESULTS}/collected"}, {"config": f"{RESULTS}/config.json"}
    names = {name: ASKED[name] for name in ("study", "dataset")}
    explorer, tables = f"{RESULTS}/pages/error_explorer.html", f"{RESULTS}/tables"
    expected = {
        "collect_results.py": {
            "data": DATA, "results": RESULTS, "design": f"{RESULTS}/design.json", "out": f"{RESULTS}/collected",
        },
        "make_tables.py": collected | {"asked": f"{RESULTS}/asked.json", "out": tables},
        "judge_claims.py": collected | config | {
            "judged": f"{RESULTS}/collected/claims.parquet", "tables": tables,
        },
        "write_claims.py": config | {
            "judged": f"{RESULTS}/collected/claims.parquet", "out": f"{RESULTS}/pages/claims.html",
        },
        "write_error_explorer.py": collected | {
            "data": DATA, "results": RESULTS, "classes": CLASSES, "out": explorer, **names,
        },
        "write_curves.py": collected | {
            "out": f"{RESULTS}/pages/curves.html", **names,
        },
        "write_summary.py": collected | config | {
            "judged": f"{RESULTS}/collected/claims.parquet", "figures": f"{RESULTS}/figures",
            "findings": f"{RESULTS}/data/findings.json", "out": f"{RESULTS}/summary.html",
        },
        "plot_payoff.py": {"tables": f"{RESULTS}/tables/payoff.csv", "out": f"{RESULTS}/figures/payoff.svg"},
        "plot_samples.py": {"data": DATA, "classes": CLASSES, "out": f"{RESULTS}/figures/samples.svg"},
    }  # fmt: skip
    for script, options in expected.items():
        assert list(commands[script].values()) == [options], script
    assert commands["plot_experiment.py"] == {
        f"{RESULTS}/figures/{name}": collected
        | {"data": DATA, "experiment": name, "classes": CLASSES, "published": PUBLISHED[name], "level": "0.04"}
        | {"out": f"{RESULTS}/figures/{name}"}
        for name in PUBLISHED
    }
    (pages,) = commands["write_tables.py"].values()
    names = sorted(path.rpartition("/")[2].removesuffix(".html") for path in pages["tables"])
    assert len(names) == 18
    assert sorted(pages["tables"]) == [f"{tables}/bare/{name}.html" for name in names]
    (provenance,) = commands["write_provenance.py"].values()
    del provenance["full"]
    assert provenance == stored_parts(*commands["download_dataset.py"]) | config | {
        "runs": f"{RESULTS}/collected/runs.parquet", "findings": f"{RESULTS}/data/findings.json", "data": DATA,
        "benchmarks": f"{RESULTS}/benchmarks", "out": f"{RESULTS}/pages/provenance.html",
    }  # fmt: skip


def test_comparison_with_a_paper(workflow_of_module):
    commands = commands_in(plan_of(workflow_of_module, *TINY))
    results = "results/hinton-tiny"
    assert len(commands["assemble_run.py"]) == 2
    (corrected,), (compared,) = commands["correct_biases.py"].values(), commands["compare_with_paper.py"].values()
    asked = {"asked": f"{results}/asked.json"}
    assert corrected == asked | {
        "data": f"{results}/data/dataset.safetensors", "results": results, "design": f"{results}/design.json",
        "out": f"{results}/collected/corrected.parquet",
    }  # fmt: skip
    assert compared == asked | {
        "collected": f"{results}/collected", "corrected": f"{results}/collected/corrected.parquet",
        "tables": f"{results}/tables", "figures": f"{results}/figures",
    }  # fmt: skip


def test_a_loss_is_passed_on_to_those_that_learn_by_it_alone(workflow_of_module):
    """The experiment's own loss, and another beside it, whose keys are given."""
    changes = "experiments={of-committee: {loss: dist}, of-large: {losses: [other]}}"
    losses = "losses={other: {function: decoupled, beta: 3}}"
    plan = plan_of(workflow_of_module, "--configfile", CONFIG, "--config", changes, losses)
    by_name = {
        "by-other": {"function": "decoupled", "beta": 3},
        "by-dist": {"function": "dist", "beta": 2, "gamma": 2},
        "by-apart": {"function": "decoupled", "alpha": 2, "beta": 3},  # the study's own
    }
    found = {out: options.get("loss") for out, options in commands_in(plan)["train_model.py"].items()}
    assert len([loss for loss in found.values() if loss]) == 3 * 3 + 2 * 2 + 2
    for out, loss in found.items():
        assert loss == next((loss for name, loss in by_name.items() if name in out), None)


def test_keys_in_another_order_are_the_same_commands(plan, workflow_of_module):
    def turned(value: object) -> object:
        return {key: turned(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    config = yaml.safe_load((workflow_of_module.folder / CONFIG).read_text())
    settings = ("recipes", "models", "transfer_sets", "losses")
    config |= {name: {key: turned(value) for key, value in config.get(name, {}).items()} for name in settings}
    (workflow_of_module.folder / "turned.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    again = plan_of(workflow_of_module, "--configfile", "turned.yaml")
    first, second = (sorted(re.findall("^Shell command: .*", text, re.MULTILINE)) for text in (plan, again))
    assert second == first


# What waits for what


def test_an_ensemble_waits_for_all_its_members(jobs):
    ((waited_for, _),) = jobs["assemble_run"]
    assert {f"{place(('member', 'labels'), seed)}/metrics.json" for seed in (5, 2, 8)} <= waited_for


def test_the_study_asks_for_every_file_that_its_jobs_write(jobs):
    """Whatever it did not ask for would be missing for good once a failed job had lost it."""
    ((asked, _),) = jobs.pop("study")
    assert asked == set.union(*(written for of_rule in jobs.values() for _, written in of_rule))


def test_results_are_collected_once_all_runs_and_their_teachers_are_there(jobs):
    ((waited_for, _),) = jobs["collect_results"]
    expected = {DATA, f"{RESULTS}/design.json"}
    for run, (teacher, *_, seeds) in RUNS.items():
        expected |= {f"{place(run)}/logits.safetensors"} | {f"{place(run, seed)}/metrics.json" for seed in seeds}
        if teacher:
            expected |= {f"{RESULTS}/{logits_stem(run, seed)}.json" for seed in seeds}
    assert waited_for == expected


def test_the_configuration_is_kept_once_there_are_results_of_it(jobs):
    waited_for = {f"{RESULTS}/settings.json", f"{RESULTS}/collected/arms.parquet"}
    assert [found for found, _ in jobs["save_config"]] == [waited_for]


def test_report_and_summary_wait_for_all_that_they_show(jobs):
    figures = set.union(*(written for _, written in jobs["plot_experiment"]))
    ((of_summary, _),), ((of_report, _),) = jobs["write_summary"], jobs["report"]
    assert figures < of_summary
    shown = ("judge_claims", "plot_samples", "write_tables")
    pages = [rule for rule in jobs if rule.startswith("write_")]
    assert figures.union(*(written for rule in (*shown, *pages) for _, written in jobs[rule])) < of_report
