"""The command lines of tables, verdicts, figures and pages pass on what they are told, each experiment its own."""

import base64
import json
import re
from collections.abc import Callable
from unittest.mock import Mock

import correct_biases
import judge_claims
import make_tables
import numpy as np
import pandas as pd
import plot_experiment
import pytest
import write_claims
import write_error_explorer
import write_provenance
import write_summary
from markupsafe import escape
from safetensors.numpy import save_file

from dark_knowledge.analysis import accuracy as accuracies
from dark_knowledge.analysis import (
    bias_correction,
    calibration,
    claims,
    class_errors,
    controls,
    convergence,
    costs,
    error_sets,
    losses,
)
from dark_knowledge.analysis.bias_correction import corrected_errors
from dark_knowledge.analysis.formats import show_difference, show_interval, show_p
from dark_knowledge.analysis.gains import gain_table
from dark_knowledge.analysis.payoff import payoff_table
from dark_knowledge.analysis.reproduction import load_published, reproduction_table
from dark_knowledge.analysis.results import Results, arm_of
from dark_knowledge.analysis.runs import readable_runs, run_table
from dark_knowledge.pages.summary import payoff_story
from dark_knowledge.study.arms import ALL_SEEDS, Arm

from .results import CLASSES, SETTINGS, make_results

FIGURES = {"teacher": {"test_accuracy": 93.0}, "baseline": {"test_accuracy": 90.0}, "student": {"test_accuracy": 92.2}}
PUBLISHED = {"x": {"improved_class": 2} | FIGURES, "y": FIGURES}
EXPERIMENT = {"teacher": "big", "student": "small", "hard_weight": 0.1}
CONFIG = {
    "study": "wired",
    "dataset": "d",
    "datasets": {"d": {"classes": CLASSES}},
    "seeds": [0, 1, 2],
    "reference": None,
    "split": {"validation": 77, "seed": 0},
    "models": {"big": {"architecture": "mlp", "recipe": "long"}, "small": {"architecture": "mlp", "recipe": "short"}},
    "transfer_sets": {"few": {"images": 30}},
    "recipes": {
        "long": {"epochs": 9, "learning_rate": 0.3, "flip": True, "shift": 2},
        "short": {"epochs": 5, "learning_rate": 0.2, "flip": False, "shift": 1},
    },
    "experiments": {
        "x": EXPERIMENT | {"temperatures": [4, 2], "published": {"d": PUBLISHED["x"]}},
        "y": EXPERIMENT | {"temperatures": [4], "published": {"d": PUBLISHED["y"]}, "transfer_set": "few"},
    },
    "claims": SETTINGS,
}


@pytest.fixture(scope="module")
def results() -> Results:
    """Two experiments: the first has its chosen temperature second, the second one gains nothing for sure."""
    made = make_results(3, controls=True)
    arms = made["arms"].sort_values("temperature", ascending=False, key=lambda values: values.fillna(9), kind="stable")
    other = arms[arms.temperature.isna() | (arms.temperature == 4)].assign(experiment="y")
    runs = made["runs"].assign(
        images_per_second=9.0, peak_memory_mb=8.0, device="cpu", precision="float32", threads=1, commit="c", torch="2"
    )
    baseline = runs[(runs.model == "small") & (runs.supervision == "labels") & (runs.seed < 3)].last_test_accuracy
    runs.loc[runs.supervision == "big_T4_w0.1", "last_test_accuracy"] = np.add(
        baseline, [0.02, -0.01, 0.005]
    ).to_numpy()
    fidelity = pd.concat([made["fidelity"].assign(experiment=name) for name in "xy"], ignore_index=True)
    errors = made["class_errors"]  # the teacher errs most on a class of its own
    errors.loc[(errors.model == "big") & (errors.part == "validation") & (errors.label == 0), "errors"] += 90
    return Results(made | {"arms": pd.concat([arms, other], ignore_index=True), "runs": runs, "fidelity": fidelity})


@pytest.fixture(scope="module")
def collected(results, tmp_path_factory):
    folder = tmp_path_factory.mktemp("collected")
    last = results["predictions"].assign(epoch="last")
    ends = [last, last.assign(epoch="selected", prediction=0)]
    for name, table in (results | {"predictions": pd.concat(ends)}).items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


@pytest.fixture
def command(tmp_path, monkeypatch):
    def command(script, **options) -> None:
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        monkeypatch.setattr("sys.argv", [script.__name__, *words])
        script.main()

    return command


@pytest.fixture
def config(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path / "config.json"


def csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False)


def test_each_table_is_the_one_of_its_name(results, collected, command, tmp_path):
    asked = {"classes": CLASSES, "published": PUBLISHED, "validation_accuracies": [60, 99.9], "reference": {}}
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    command(make_tables, collected=collected, asked=tmp_path / "asked.json", out=tmp_path / "tables")
    expected = {
        "accuracy": accuracies.accuracy_table(results),
        "reproduction": reproduction_table(results, load_published({}), {}),
        "gains": gain_table(results),
        "payoff": payoff_table(results),
        "gap_recovered": accuracies.gap_table(results, accuracies.published_rows(PUBLISHED)),
        "mcnemar": error_sets.mcnemar_table(results),
        "convergence": convergence.convergence_table(results, [60, 99.9]),
        "errors_per_class": class_errors.class_error_table(results["predictions"], results.all_arms(), CLASSES),
        "class_differences": class_errors.class_difference_table(results, CLASSES),
        "hardest_class": class_errors.hardest_class_table(results, CLASSES, PUBLISHED),
        "error_similarity": error_sets.similarity_table(results),
        "image_outcomes": error_sets.outcome_table(results),
        "calibration": calibration.calibration_table(results),
        "controls": controls.control_table(results),
        "losses": losses.loss_table(results),
        "cost": costs.cost_table(results),
        "runs": run_table(results["runs"]),
    }
    written = {path.stem: path.read_text() for path in (tmp_path / "tables").glob("*.csv")}
    assert written.keys() == expected.keys()
    for name, table in expected.items():
        assert written[name] == csv(table), name
    assert len(set(written.values())) == len(written)
    assert "as published" in written["gap_recovered"]


@pytest.fixture
def judged(results, collected, command, config, tmp_path):
    command(judge_claims, collected=collected, config=config, judged=tmp_path / "claims.parquet", tables=tmp_path)
    return tmp_path / "claims.parquet"


def test_claims_are_judged_by_the_configuration(results, judged, tmp_path):
    expected = claims.claims_table(results, CLASSES, PUBLISHED, SETTINGS)
    pd.testing.assert_frame_equal(pd.read_parquet(judged), expected, check_dtype=False)
    assert (tmp_path / "claims.csv").read_text() == csv(expected.drop(columns=judge_claims.HIDDEN))
    classes = expected[expected.decides & (expected.claim == "5")].set_index("experiment").quantity
    assert classes.str.removeprefix("test errors on class ").to_dict() == {"x": "shirt (2)", "y": "coat (1)"}


def test_the_page_of_claims_shows_both_p_and_tells_of_the_right_recipes(judged, command, config, tmp_path):
    command(write_claims, judged=judged, config=config, out=tmp_path / "claims.html")
    page, table = (tmp_path / "claims.html").read_text(), pd.read_parquet(judged)
    shown = re.findall(r'<td>(\S+(?: \S+)?)<br><span class="note">Holm (.*?)</span>', page)
    deciding = table[table.decides]
    assert [tuple(map(html_text, pair)) for pair in shown] == [
        (show_p(row.p), show_p(row.p_holm)) for row in deciding.itertuples()
    ]
    assert (deciding.p != deciding.p_holm).any()
    told = " ".join(re.sub("<.*?>", "", page).split())
    assert "baseline and student trained for 5 epochs at peak learning rate 0.2 with no flips" in told
    assert "teacher trained for 9 epochs at peak learning rate 0.3 with flips" in told


def test_the_index_of_runs_counts_epochs_from_1(results):
    shown = readable_runs(run_table(results["runs"]))
    assert shown["selected epoch"].tolist() == [f"{epoch + 1}" for epoch in results["runs"].selected_epoch]


def html_text(text: str) -> str:
    return text.replace("&lt;", "<")


@pytest.fixture
def summary(collected, judged, command, config, tmp_path) -> Callable[[], str]:
    """The page of the collected results, by the configuration as it is at the call."""
    for name in ("x", "y"):
        (tmp_path / "figures" / name).mkdir(parents=True)
        for figure in write_summary.FIGURES:
            (tmp_path / "figures" / name / f"{figure}.svg").write_text(f"{figure} of {name}")
    (tmp_path / "figures" / "payoff.svg").write_text("payoff")
    (tmp_path / "findings").write_text(json.dumps({"missing_classes": {}}))
    inputs = {"collected": collected, "judged": judged, "config": config}
    inputs |= {name: tmp_path / name for name in ("figures", "findings")}

    def page() -> str:
        command(write_summary, out=tmp_path / "summary.html", **inputs)
        return (tmp_path / "summary.html").read_text()

    return page


def told_of(section: str) -> dict[str, str]:
    """The first paragraph below the heading of each experiment."""
    return dict(re.findall(r"<h3>Experiment “(.)”</h3>\s*<p>(.*?)</p>", section, re.S))


def section_of(page: str, title: str) -> str:
    return page.partition(f"<h2>{title}</h2>")[2].partition("<h2>")[0]


def test_the_summary_answers_first(summary, judged, config):
    """What was asked, the answer, one figure, what could mislead; the claims only where there are seeds enough."""
    page = summary()
    titles = re.findall("<h2>(.*?)</h2>", page)
    assert titles[:3] == ["What was asked", "The answer", "What could mislead"]
    answer = section_of(page, "The answer")
    assert base64.b64encode(b"payoff").decode() in answer
    assert "A verdict on them takes 10 seeds." in answer
    assert "undecided" not in answer
    told = " ".join(re.sub("<.*?>", "", section_of(page, "What could mislead")).split())
    assert "baseline and student trained for 5 epochs at peak learning rate 0.2 with no flips" in told
    config.write_text(json.dumps(CONFIG | {"claims": SETTINGS | {"fewest_seeds": 3}}))
    table = pd.read_parquet(judged).query("decides")
    table["verdict"] = np.resize(["supported", "undecided", "contradicted", "undecided", "undecided"], len(table))
    table.to_parquet(judged)
    table["effect_text"] = claims.shown_rows(table).effect_text
    table = table.set_index(["claim", "experiment"])
    answer = section_of(summary(), "The answer")
    rows = re.findall(r"<tr><td>(\w+) .*?</tr>", answer, re.S)
    assert rows == list(table.index.unique("claim"))
    for claim in rows:
        (row,) = re.findall(rf"<tr><td>{claim} (.*?)</tr>", answer, re.S)
        shown = re.findall(r'<b class="(\w+)">(\w+)</b><br><span class="note">(.*?):<br>(.*?)<', row)
        verdicts = table.loc[[(claim, name) for name in "xy"]].assign(quantity=lambda rows: rows.quantity.map(escape))
        assert shown == [(row.verdict, row.verdict, row.quantity, row.effect_text) for row in verdicts.itertuples()]


def test_where_the_baseline_is_the_best_without_a_teacher_nothing_more_is_told():
    paid = pd.DataFrame({"experiment": ["x"], "rival": ["baseline"], "gain": [1.0], "gain_high": [2.0]})
    assert payoff_story(paid, "x") == {"rival": None, "over_rival": None}


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({}, ([0, 1, 2], [])),
        ({"y": [0]}, ([0, 1, 2], ["y"])),
        ({"x": [4], "y": [4]}, ([4], [])),
        ({"x": [4, 5], "y": [4]}, ([4, 5], ["y"])),
    ],
)
def test_the_summary_names_the_seeds_that_were_run(own, said):
    """Also where every experiment has seeds of its own."""
    experiments = {name: {"seeds": own[name]} if name in own else {} for name in "xy"}
    config = {"seeds": [0, 1, 2], "experiments": experiments, "study": "s", "dataset": "d", "split": {"validation": 5}}
    asked = write_summary.asked_of_study(config | {"claims": {"fewest_seeds": 10}})
    assert (asked["seeds"], asked["own_seeds"]) == said


def test_the_summary_tells_of_each_experiment_its_own(results, summary):
    page = summary()
    accuracy, gap = (
        accuracies.accuracy_table(results),
        accuracies.gap_table(results, accuracies.published_rows(PUBLISHED)),
    )
    said = []
    for name, text in told_of(section_of(page, "The answer")).items():
        text, rows = " ".join(text.split()), accuracy[accuracy.experiment == name]
        teacher, baseline, student = (
            show_interval(row.last_test_accuracy_mean, row.last_test_accuracy_high)
            for row in (rows[rows.role == "teacher"].iloc[0], rows[rows.role == "baseline"].iloc[0],
                        rows[rows.chosen].iloc[0])
        )  # fmt: skip
        assert f"the teacher reaches {teacher} %, the baseline {baseline} % (of 4 seeds), and" in text
        assert f"{student} %. Student minus baseline: " in text
        gain = gap[(gap.experiment == name) & gap.chosen].iloc[0]
        assert f"Student minus baseline: {show_difference(gain.gain, gain.gain_high)} percentage points" in text
        side = "lies above zero" if gain.gain_low > 0 else "lies below" if gain.gain_high < 0 else "includes zero"
        assert f"On these test images the interval of 3 seeds {side}" in text
        paid = payoff_table(results).set_index("experiment").loc[name]
        better = f"“{paid.rival}”; student minus that: {show_difference(paid.gain, paid.gain_high)} percentage points."
        assert better in text
        runs = results["runs"].set_index("seed")
        pairs = [
            runs[(runs.model == arm.model) & (runs.supervision == arm.supervision)].best_on_test_accuracy
            for arm in (arm_of(results.compared(name), role) for role in ("student", "baseline"))
        ]
        at_best = 100 * (pairs[0] - pairs[1]).dropna().mean()
        assert f"best epoch on test the gain here is {show_difference(at_best, np.nan)} ±" in text
        said.append(side)
        assert ("Both learned from a part of the images alone, transfer set few (images: 30)." in text) == (name == "y")
    assert said == ["lies above zero", "includes zero"]
    counts = results["class_errors"].query("part == 'test' and model == 'big'").groupby("label").errors.mean()
    errors = told_of(section_of(page, "Error analysis"))
    for name, label, source in (
        ("x", 2, "the figures reported elsewhere name"),
        ("y", 1, "the baseline errs on most often"),
    ):
        text = errors[name]
        assert source in text
        assert f"the teacher makes {counts[label]:.1f} " in " ".join(text.split())
    for figure in write_summary.FIGURES:
        places = [page.index(base64.b64encode(f"{figure} of {name}".encode()).decode()) for name in ("x", "y")]
        assert places == sorted(places)


def test_of_equal_differences_the_summary_knows_no_interval(collected, summary):
    runs = collected / "runs.parquet"
    before = runs.read_bytes()
    table = pd.read_parquet(runs)
    table.assign(last_test_accuracy=0.9 + 0.01 * (table.supervision != "labels")).to_parquet(runs)
    answer = section_of(summary(), "The answer")
    runs.write_bytes(before)
    assert "All 3 seeds differ by as much, so that the interval is not known." in answer
    assert "includes zero" not in answer


def test_figures_are_of_the_test_images_and_of_the_published_or_the_hardest_class(
    collected, command, tmp_path, monkeypatch
):
    for room in ("accuracy", "calibration", "errors", "images", "learning", "losses"):
        monkeypatch.setattr(plot_experiment, room, Mock())
    monkeypatch.setattr(plot_experiment.style, "save", lambda figure, path: path.touch())
    parts = ("train", "validation", "test")
    data = {f"{part}_images": np.full((4, 1, 2, 2), number, np.uint8) for number, part in enumerate(parts)}
    save_file(
        data | {f"{part}_labels": np.full(4, number, np.uint8) for number, part in enumerate(parts)}, tmp_path / "data"
    )
    for name, label in (("x", 2), ("y", 1)):
        command(
            plot_experiment, collected=collected, data=tmp_path / "data", experiment=name, classes=json.dumps(CLASSES),
            published=json.dumps(PUBLISHED[name] if name == "x" else {}), level=0.04, out=tmp_path,
        )  # fmt: skip
        drawn = plot_experiment.images.image_gallery.call_args.args
        assert (drawn[2] == data["test_images"]).all()
        assert drawn[3].tolist() == [2] * 4
        assert plot_experiment.errors.hardest_class_figure.call_args.args[2:] == (label, CLASSES)
        assert plot_experiment.errors.class_differences_figure.call_args.args[2:] == (CLASSES, 0.04)


def test_the_explorers_answers_stand_under_their_own_images(results, collected, command, tmp_path, monkeypatch):
    predictions = results["predictions"]
    for (model, supervision), own in predictions.groupby(["model", "supervision"]):
        given = own.pivot(index="seed", columns="image", values="prediction").to_numpy()
        folder = tmp_path / "runs" / model / supervision
        folder.mkdir(parents=True)
        save_file({"last/test": np.eye(3, dtype=np.float32)[given]}, folder / "logits.safetensors")
    labels = predictions.groupby("image").label.first().to_numpy()
    pictures = np.arange(len(labels), dtype=np.uint8)[:, None, None, None]  # each tells its number
    save_file({"test_images": pictures, "test_labels": labels}, tmp_path / "data")
    page = Mock(return_value="")
    monkeypatch.setattr(write_error_explorer.explorer, "error_page", page)
    options = {"data": tmp_path / "data", "results": tmp_path}
    options |= {"classes": json.dumps(CLASSES), "study": "s", "dataset": "d"}
    command(write_error_explorer, collected=collected, out=tmp_path / "page.html", **options)
    told, shown = page.call_args.args
    assert shown.ravel().tolist() == told["image"]
    assert told["label"] == labels[told["image"]].tolist()


def test_biases_are_corrected_from_the_last_epoch_without_a_look_at_the_test_images(command, tmp_path, monkeypatch):
    random, seeds = np.random.default_rng(0), [4, 1]
    own = {
        f"{epoch}/{part}": random.normal(0, 2, (2, n, 3)).astype(np.float32)
        for epoch in ("last", "selected")
        for part, n in (("test", 60), ("validation", 40))
    }
    monkeypatch.setattr(bias_correction, "load_logits", loaded := Mock(return_value=(None, own)))
    labels = {"train_labels": np.repeat([0, 1, 2], [50, 30, 20]), "test_labels": np.repeat([0, 1, 2], 20)}
    save_file(labels, tmp_path / "data")
    design = {"seeds": seeds, "models": {name: {"architecture": "mlp"} for name in ("big", "small")}}
    design |= {"experiments": {"x": EXPERIMENT | {"temperatures": [4]}}}
    (tmp_path / "design").write_text(json.dumps(design))
    records = Mock(design=design, logits=lambda *_: tmp_path / "logits")
    monkeypatch.setattr(correct_biases, "Records", lambda *_: records)
    corrections = {"x": {"classes": [2], "shift": 1.5}}
    (tmp_path / "asked").write_text(json.dumps({"paper": {"corrections": corrections}}))
    options = {name: tmp_path / name for name in ("data", "design", "asked", "out")}
    command(correct_biases, results=tmp_path, **options)
    assert [call.args for call in loaded.call_args_list] == [(tmp_path / "logits", sorted(seeds))] * 2
    table = pd.read_parquet(tmp_path / "out")
    assert set(table.role) == {"baseline", "student"}
    for number, seed in enumerate(sorted(seeds)):
        test, validation = own["last/test"][number], own["last/validation"][number]
        expected = corrected_errors(test, labels["test_labels"], validation, [2], 1.5, prior=0.2)
        rows = table[(table.seed == seed) & (table.supervision == Arm("small", "big", 4, 0.1).supervision)]
        pd.testing.assert_frame_equal(rows[list(expected)].reset_index(drop=True), expected, check_dtype=False)


def test_what_was_not_trained_is_no_training(monkeypatch, command, results, tmp_path, config):
    runs = results["runs"].copy()
    runs.loc[runs.model == "big", "seed"] = ALL_SEEDS
    runs.to_parquet(tmp_path / "runs")
    monkeypatch.setattr(write_provenance, "rendering", Mock())
    monkeypatch.setattr(write_provenance, "provenance", Mock())
    monkeypatch.setattr(write_provenance, "image_counts", Mock())
    monkeypatch.setattr(write_provenance, "sha256", Mock())
    (tmp_path / "findings").write_text("{}")
    options = dict.fromkeys((f"{part.replace('_', '-')}" for part in write_provenance.FILES), tmp_path)
    options |= {name: tmp_path / name for name in ("runs", "findings", "benchmarks", "out", "data")}
    command(write_provenance, config=config, full="{}", **options)
    for table in (write_provenance.provenance.machine_table, write_provenance.provenance.run_counts):
        (trained,) = table.call_args.args
        assert set(trained.model) == {"small", "smooth"}
