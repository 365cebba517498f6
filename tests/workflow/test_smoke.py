"""The smoke study from source to report, and what runs again when something changes."""

import json
import re

import pandas as pd
import pytest

from ..conftest import CHECKOUT, SMOKE

pytestmark = pytest.mark.slow

FIGURES = (
    "loss_by_step", "accuracy_by_step", "loss_by_epoch", "accuracy_by_epoch", "student_losses", "validation_accuracy",
    "difference_by_epoch", "temperature", "errors_per_class", "confusion", "class_differences", "hardest_class",
    "error_similarity", "image_gallery", "reliability", "fidelity", "cost",
)  # fmt: skip
TABLES = (
    "accuracy", "gains", "gap_recovered", "reproduction", "payoff", "mcnemar",
    "convergence", "errors_per_class", "class_differences", "hardest_class",
    "error_similarity", "image_outcomes", "calibration", "controls", "cost", "runs",
)  # fmt: skip


def changed(smoke, *arguments):
    """Rules that would run again, apart from those that gather what others made."""
    always = {"study", "report"}
    return {rule: count for rule, count in smoke.plan("--configfile", SMOKE, *arguments).items() if rule not in always}


PAGES = {"write_curves": 1, "write_error_explorer": 1}
ANALYSIS = {
    "save_config": 1,
    "collect_results": 1,
    "judge_claims": 1,
    "write_claims": 1,
    "make_tables": 1,
    "write_tables": 1,
    "plot_experiment": 2,
    "plot_payoff": 1,
    "write_summary": 1,
    "write_provenance": 1,
} | PAGES


def test_everything_is_there(smoke):
    for name in TABLES:
        for kind in ("csv", "html", "tex"):
            assert (smoke.results / "tables" / f"{name}.{kind}").stat().st_size > 0
    for experiment in ("custom", "resnet"):
        for name in FIGURES:
            assert (smoke.results / "figures" / experiment / f"{name}.svg").read_text().rstrip().endswith("</svg>")
    report = (smoke.results / "report.html").read_text()
    pages = ("summary.html", "claims.html", "error_explorer.html", "curves.html", "provenance.html")
    for name in (*pages, "accuracy.html", "confusion.svg", "samples.svg"):
        assert name in report
    assert len(list((smoke.results / "teacher_logits").rglob("*.safetensors"))) == 4
    assert len(list((smoke.results / "teacher_logits").rglob("*.json"))) == 4
    assert not list(smoke.results.rglob("resume.pt"))
    assert not list(smoke.results.rglob("*.tmp"))


@pytest.mark.parametrize(
    "name",
    ["summary.html", "pages/claims.html", "pages/error_explorer.html", "pages/curves.html", "pages/provenance.html"],
)
def test_a_page_needs_no_network(smoke, name):
    page = (smoke.results / name).read_text()
    assert not re.findall(r"""(?:src|href)=["']?(?!data:)[^"'>]+""", page)
    assert len(page) < 1_500_000  # a larger page shows blank in a single-file report


def test_claims_are_undecided_at_two_seeds(smoke):
    table = pd.read_csv(smoke.results / "tables" / "claims.csv", dtype={"claim": str})
    decides = table[table.decides]
    assert list(decides.claim.unique()) == ["1", "2a", "2b", "3a", "3b", "3c", "4", "5", "6"]
    assert set(decides.verdict) == {"undecided"}
    runs = pd.read_csv(smoke.results / "tables" / "runs.csv").set_index(["supervision", "model", "seed"])
    accuracy = 100 * runs.sort_index().last_test_accuracy
    row = decides[(decides.experiment == "custom") & (decides.claim == "3b")].iloc[0]
    gain = accuracy["plain-teacher_T4_w0.1"]["student"] - accuracy["labels"]["student"]
    assert row.effect == pytest.approx(gain.mean())
    assert row.published != row.published  # the custom experiment has no published figures
    page = (smoke.results / "pages" / "claims.html").read_text()
    assert "With 2 seeds nothing can be decided" in page
    assert page.count("undecided at 2 seeds") == 14
    # Steadiness is that of the last five epochs: these runs have fewer.
    assert list(decides[decides.effect.isna()].claim) == ["2a", "2b"] * 2
    assert len(re.findall('>not measured</b><br><span class="note">needs (?:more than )?5 epochs<', page)) == 4


def test_tables_agree_with_the_runs(smoke):
    runs = pd.read_csv(smoke.results / "tables" / "runs.csv")
    accuracy = pd.read_csv(smoke.results / "tables" / "accuracy.csv")
    assert len(runs) == 14
    teacher = accuracy[(accuracy.experiment == "resnet") & (accuracy.role == "teacher")].iloc[0]
    own = runs[(runs.model == "resnet") & (runs.supervision == "labels")]
    assert teacher.n == 2
    assert teacher.last_test_accuracy_mean == pytest.approx(100 * own.last_test_accuracy.mean())
    errors = pd.read_csv(smoke.results / "tables" / "errors_per_class.csv")
    total = errors[(errors.experiment == "resnet") & (errors.role == "teacher")].errors.sum()
    assert total == pytest.approx(1000 * (1 - own.last_test_accuracy.mean()))


def test_runs_say_where_they_come_from(smoke):
    metrics = json.loads((smoke.results / "runs/student/resnet_T4_w0.1/seed1/metrics.json").read_text())
    assert (metrics["seed"], metrics["temperature"], metrics["hard_weight"]) == (1, 4.0, 0.1)
    assert metrics["precision"] in ("bfloat16", "float32")
    assert {"torch", "device", "code", "commit", "parameters", "peak_memory_mb"} <= set(metrics)


def test_each_epoch_is_in_the_log(smoke):
    log = (smoke.results / "logs/runs/student/labels/seed0.log").read_text().splitlines()
    epochs = [line for line in log if line.startswith("epoch")]
    assert len(epochs) == 3
    assert re.search(r"loss [\d.]+ .*validation [\d.]+%  \d+ images/s  \d+ s left", epochs[0])


def test_a_second_run_has_nothing_to_do(smoke):
    again = smoke.snakemake("--cores", "2", "--configfile", SMOKE)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr


def test_a_moved_checkout_changes_nothing(smoke):
    moved = smoke.folder.with_name("moved")
    smoke.folder.rename(moved)
    try:
        assert smoke.plan("--configfile", SMOKE, folder=moved) == {}
    finally:
        moved.rename(smoke.folder)


def test_a_comment_or_a_touched_file_changes_nothing(smoke):
    for script in (smoke.folder / "workflow" / "scripts").rglob("*.py"):
        script.write_text("# a comment\n" + script.read_text())
    try:
        assert changed(smoke) == {}
    finally:
        restore(smoke)


def test_an_edited_page_is_written_again(smoke):
    smoke.edit("workflow/report/summary.html.j2", "What was asked", "The question")
    try:
        assert changed(smoke) == {"write_summary": 1}
    finally:
        restore(smoke)


@pytest.mark.parametrize(
    ("name", "old", "again"),
    [
        ("table_mcnemar.rst", "split evenly", {"write_tables": 1}),
        ("table_accuracy.rst", "so it flatters", {"write_tables": 1, "write_summary": 1}),
        ("figure_confusion.rst", "confusion matrices", {}),
        ("table.html.j2", "give the study more seeds", {"write_tables": 1}),
        ("table_claims.rst", "one a row", {"write_tables": 1}),
        ("claims.html.j2", "drew six claims", {"write_claims": 1}),
        ("statements.html.j2", "The student converges faster", {"write_claims": 1, "write_summary": 1}),
        ("misleading.html.j2", "What could mislead", {"write_claims": 1, "write_summary": 1}),
    ],
)
def test_a_reworded_text_draws_and_computes_nothing(smoke, name, old, again):
    smoke.edit(f"workflow/report/{name}", old, f"{old}, in other words")
    try:
        assert smoke.plan("--configfile", SMOKE) == again | {"study": 1, "report": 1}
    finally:
        restore(smoke)


@pytest.mark.parametrize(
    ("name", "old", "new", "again"),
    [
        ("figures/style.py", '"svg.fonttype": "none"', '"svg.fonttype": "path"',
         {"plot_experiment": 2, "plot_payoff": 1, "plot_samples": 1, "write_summary": 1} | PAGES),
        ("analysis/accuracy.py", '"selected: test"', '"selected: on test"',
         {"make_tables": 1, "plot_payoff": 1, "write_tables": 1, "write_summary": 1}),
        ("analysis/claims.py", 'UNDECIDED = "supported"', 'UNDECIDED = "shown"',
         {"judge_claims": 1, "write_claims": 1, "write_tables": 1, "write_summary": 1}),
        ("figures/images.py", "GALLERY_CHARACTERS = 10, 13", "GALLERY_CHARACTERS = 8, 13",
         {"plot_experiment": 2, "plot_samples": 1, "write_summary": 1}),
        ("training/loop.py", "LOG_EVERY = 20", "LOG_EVERY = 10",
         {"train_model": 6, "cache_teacher_logits": 4, "distill_model": 8, "evaluate_runs": 7} | ANALYSIS),
    ],
)  # fmt: skip
def test_edited_code_runs_again_what_uses_it(smoke, name, old, new, again):
    smoke.edit(f"workflow/scripts/dark_knowledge/{name}", old, new)
    try:
        assert changed(smoke) == again
    finally:
        restore(smoke)


@pytest.mark.parametrize(
    ("override", "again"),
    [
        (
            "experiments: {resnet: {temperatures: [1, 4, 8]}}",
            {"distill_model": 2, "evaluate_runs": 1},
        ),
        ("seeds: [0, 1, 2]",
         {"train_model": 3, "cache_teacher_logits": 2, "distill_model": 4, "evaluate_runs": 7}),
        ("recipes: {student: {learning_rate: 0.05}}",
         {"train_model": 2, "distill_model": 8, "evaluate_runs": 5}),
        ("recipes: {student: {shift: 2}}",
         {"train_model": 2, "cache_teacher_logits": 4, "distill_model": 8, "evaluate_runs": 5}),
    ],
)  # fmt: skip
def test_changed_settings_run_again_what_uses_them(smoke, override, again):
    (smoke.folder / "more.yaml").write_text(override)
    assert changed(smoke, "more.yaml") == again | ANALYSIS | {"save_design": 1, "save_settings": 1}


def test_the_same_settings_in_other_words_or_another_order_change_nothing(smoke):
    (smoke.folder / "more.yaml").write_text("""
        recipes: {student: {weight_decay: 5.0e-4, learning_rate: 1.0e-2}}
        models: {student: {recipe: student, pool: [true, true, true, false], architecture: plain}}
        experiments: {resnet: {hard_weight: 0.10}}
    """)
    assert changed(smoke, "more.yaml") == {}


def test_a_checkout_behind_a_link_changes_nothing(smoke, tmp_path):
    (tmp_path / "link").symlink_to(smoke.folder)
    assert changed(smoke, "--snakefile", str(tmp_path / "link" / "Snakefile")) == {}


def test_another_rule_for_claims_judges_them_again(smoke):
    (smoke.folder / "more.yaml").write_text("claims: {fewest_seeds: 5}")
    again = {
        "save_settings": 1,
        "save_config": 1,
        "judge_claims": 1,
        "write_claims": 1,
        "write_tables": 1,
        "write_summary": 1,
        "write_provenance": 1,
    }
    assert changed(smoke, "more.yaml") == again


def test_a_published_study_to_compare_with_changes_tables_and_pages(smoke):
    (smoke.folder / "more.yaml").write_text("reference: results/reference/note")
    analysis = ("save_settings", "save_config", "judge_claims", "make_tables", "plot_payoff")
    pages = ("write_claims", "write_tables", "write_summary", "write_provenance")
    assert changed(smoke, "more.yaml") == dict.fromkeys(("save_asked", *analysis, *pages), 1)


def restore(smoke):
    for folder, kind in (("workflow/scripts", "*.py"), ("workflow/report", "*.*")):
        for original in (CHECKOUT / folder).rglob(kind):
            (smoke.folder / original.relative_to(CHECKOUT)).write_text(original.read_text())
