"""The numbers on the pages of docs/ are those of the committed reference results."""

import json
import re
from io import StringIO
from pathlib import Path

import pandas as pd
import plot_payoff
import pytest

from dark_knowledge.analysis.formats import show_difference, show_interval, show_number, show_p, starred
from dark_knowledge.analysis.statistics import holm, mean_interval, prediction_interval, sign_flip_p

from . import judged_again

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks" / "results"
REFERENCE = ROOT / "results" / "reference"
NOTE, ANNEALING, AS_WRITTEN, LOSSES = (
    REFERENCE / study / "tables" for study in ("note", "annealing", "as-written", "losses")
)
RECOVERED = ["recovered", "recovered_low", "recovered_high"]
PATIENT = REFERENCE / "patient" / "tables"
WHEN = [REFERENCE / f"when-{share}-percent" / "tables" for share in (3, 10, 100)]


def test_accuracies_and_gains_are_those_of_the_reference_run():
    page = (ROOT / "docs" / "note.md").read_text()
    table = pd.read_csv(NOTE / "accuracy.csv")
    gains = pd.read_csv(NOTE / "gap_recovered.csv").set_index(["experiment", "arm"])
    for row in table.itertuples():
        gain = gains.loc[(row.experiment, row.arm)] if row.role in ("student", "control") else None
        shown = " | ".join(
            [
                row.experiment,
                starred(row.arm, row.chosen),
                f"{row.parameters:,}",
                show_interval(row.last_test_accuracy_mean, row.last_test_accuracy_high),
                "" if gain is None else show_difference(gain.gain, gain.gain_high).removeprefix("+"),
                show_interval(row.best_on_test_accuracy_mean, row.best_on_test_accuracy_high),
            ]
        )
        assert f"| {shown} |" in page


def test_what_is_seen_in_the_note_is_of_the_committed_tables():
    page = " ".join((ROOT / "docs" / "note.md").read_text().split())
    accuracy = pd.read_csv(NOTE / "accuracy.csv").query("experiment == 'resnet'").set_index("arm")
    baseline = accuracy.loc["baseline"]
    shown = show_interval(baseline.last_test_accuracy_mean, baseline.last_test_accuracy_high)
    assert f"reaches {shown} % without a teacher" in page
    every_gap = pd.read_csv(NOTE / "gap_recovered.csv").set_index(["experiment", "arm"])
    gaps = every_gap.query("chosen").reset_index("arm")
    custom, resnet = (show_interval(gaps.gap[name], gaps.gap_high[name]) for name in ("custom", "resnet"))
    assert f"lead it by {custom} (custom) and {resnet} percentage points (resnet)" in page
    of_custom, of_resnet = (
        f"{gap.recovered:.0f} % ({gap.recovered_low:.0f} to {gap.recovered_high:.0f} %)"
        for gap in (gaps.loc["custom"], gaps.loc["resnet"])
    )
    assert f"its student takes {of_resnet}, of the plain network's {of_custom}" in page
    (change,) = pd.read_csv(NOTE / "gains.csv").query("accuracy == 'last_test_accuracy'").itertuples()
    more = show_interval(change.change, change.change_high)
    assert f"That is {more} percentage points more (p = {show_p(change.p)})" in page
    runs = pd.read_csv(NOTE / "runs.csv").query("model == 'student'")
    accuracy = 100 * runs.pivot(index="seed", columns="supervision", values="last_test_accuracy")
    at_four = mean_interval(accuracy["resnet_T4_w0.1"] - accuracy["plain-teacher_T4_w0.1"])
    assert at_four.low < 0 < at_four.high  # "there the two are not told apart"
    four, two = (every_gap.loc[("resnet", f"student, T = {temperature}")] for temperature in (4, 2))
    kept = [show_interval(gap.gain, gap.gain_high) for gap in (four, two)]
    assert f"keeps a gain: {kept[0]} at T = 4, and {kept[1]} at T = 2 (n = {two.n})" in page
    claims = pd.read_csv(NOTE / "claims_rejudged.csv").set_index(["experiment", "claim"])
    better = claims.loc[("custom", "3b")]
    assert f"for others its interval is {show_number(better.low, 2)} to {show_number(better.high, 2)}" in page
    assert better.p_holm > 0.05
    faster, fit = claims.loc[("resnet", "1")], claims.loc[("resnet", "3a")]
    half = show_number(faster.high - faster.effect, 1)
    assert f"{-faster.effect:.1f} percentage points lower over the training (± {half}, ResNet)" in page
    assert f"({show_difference(fit.effect, fit.high, 1)} percentage points in evaluation mode)" in page
    learning = pd.read_csv(NOTE / "claims.csv").query(
        "experiment == 'resnet' and quantity.str.contains('while learning')"
    )
    (learning,) = learning.query("claim == '3a'").itertuples()
    ahead = show_difference(learning.effect, learning.high)
    assert f"it is ahead by {ahead}, as the note has it (+{learning.published:.2f})" in page
    assert "(of the ResNet's lead {:.0f} %, {:.0f} to {:.0f} %)".format(*four[RECOVERED]) in page
    epochs = pd.read_csv(NOTE / "convergence.csv").query("experiment == 'resnet' and accuracy == 90").set_index("arm")
    reached = epochs.epochs[["student, T = 2", "baseline"]]
    assert "reaches 90 % in {:.1f} epochs, not {:.1f}".format(*reached) in page
    later = epochs.seconds_with_teacher["student, T = 2"] - epochs.seconds["baseline"]
    assert later == pytest.approx(30, abs=5)  # "half a minute later"
    control = pd.read_csv(NOTE / "controls.csv").query("control == 'shuffled in class'").iloc[0]
    lost = show_interval(-control.gain, -control.gain_low)
    assert f"the student lies {lost} percentage points below the baseline" in page
    foretold = pd.read_csv(NOTE / "reproduction.csv").eval("(predicted_high - predicted_low) / 2")
    assert f"to within {foretold.min():.1f} to {foretold.max():.1f} percentage points" in page


def percent_correct(study: Path, model: str) -> pd.DataFrame:
    """Test accuracies in percent after the last epoch: a row a seed, a column for what taught."""
    runs = pd.read_csv(study / "runs.csv").query("model == @model")
    return 100 * runs.pivot(index="seed", columns="supervision", values="last_test_accuracy")


def test_the_verdicts_on_the_notes_claims_are_those_of_the_committed_tables():
    page = (ROOT / "docs" / "note.md").read_text()
    claims = pd.read_csv(NOTE / "claims_rejudged.csv").set_index(["claim", "experiment"])
    shown = {
        claim: f"{row.verdict}, p = {show_p(row.p_holm)}" if claim[0] != "2a" else "withdrawn"
        for claim, row in claims.iterrows()
    }
    for claim in claims.index.unique("claim"):
        (row,) = re.findall(rf"^\| {claim} .*", page, re.MULTILINE)
        assert row.endswith(f"| {shown[claim, 'custom']} | {shown[claim, 'resnet']} |")


def test_the_learning_rates_part_is_of_the_committed_tables():
    page = " ".join((ROOT / "docs" / "note.md").read_text().split())
    gains = pd.read_csv(ANNEALING / "gains.csv").set_index("accuracy")
    arms = pd.read_csv(ANNEALING / "accuracy.csv").set_index(["experiment", "role"])
    for measure, words in (("last_test_accuracy", "last"), ("best_on_test_accuracy", "best on test")):
        row = gains.loc[measure]
        for rate, name in (("constant", "first_gain"), ("annealed", "gain")):
            cells = [
                show_interval(arms[f"{measure}_mean"][rate, role], arms[f"{measure}_high"][rate, role])
                for role in ("baseline", "student")
            ]
            gain = show_difference(row[name], row[f"{name}_high"])
            assert f"| {rate} | {words} | {' | '.join(cells)} | {gain} |" in page
        for name in ("change", "labels"):
            assert show_difference(row[name], row[f"{name}_high"]) in page
        assert f"p = {show_p(row.p)}" in page
        assert f"n = {row.n}" in page
        assert row.labels > row.first_gain  # "more than the teacher gives at a constant rate"
    annealed = pd.read_csv(ANNEALING / "payoff.csv").set_index("experiment").loc["annealed"]
    assert f"ahead of the net on labels by {show_difference(annealed.lead, annealed.lead_high)}" in page
    claims = pd.read_csv(ANNEALING / "claims.csv").query("decides").set_index(["experiment", "claim"])
    decided = claims.verdict[claims.verdict != "undecided"]
    assert decided["constant"].to_dict() == {"1": "supported", "2a": "contradicted"}
    assert decided["annealed"].to_dict() == {
        "1": "supported",
        "2b": "supported",
        "3a": "contradicted",
        "4": "supported",
    }
    scatter = claims.loc["annealed", "2a"]
    assert f"({scatter.student:.4f} nats against\n  {scatter.baseline:.4f})" in (ROOT / "docs" / "note.md").read_text()
    trained_on = pd.read_csv(ANNEALING / "claims.csv").query(
        "experiment == 'annealed' and quantity == \"scatter of the batches' losses as trained on in the last 5 epochs\""
    )
    assert f"the old rule had found {trained_on.student.item():.4f}" in page
    p = [show_p(claims.p_holm[rate, "3b"]) for rate in ("constant", "annealed")]
    assert f"p = {p[0]} and {p[1]} with Holm's correction" in page
    gain, of_ten_epochs = (
        accuracy["resnet_T4_w0.1"] - accuracy["labels"]
        for accuracy in (percent_correct(ANNEALING, "annealed"), percent_correct(NOTE, "student"))
    )
    less = mean_interval(of_ten_epochs - gain)
    assert (
        f"by {show_interval(less.mean, less.high)} (p = {show_p(sign_flip_p(of_ten_epochs - gain))}; seeds paired"
        in page
    )
    note = pd.read_csv(NOTE / "accuracy.csv").query("experiment == 'resnet' and chosen").iloc[0]
    labels = arms.loc[("annealed", "baseline")].last_test_accuracy_mean
    assert f"16 epochs give {labels:.2f} %, where the student at T = 2 has {note.last_test_accuracy_mean:.2f} %" in page
    cost = pd.read_csv(NOTE / "cost.csv").query("experiment == 'resnet'").set_index("arm").total_multiply_adds
    assert cost["student, T = 2"] / (cost["baseline"] * 16 / 10) == pytest.approx(4, abs=0.2)  # "four times"
    teacher = arms.loc[("constant", "teacher")]
    assert f"{show_interval(teacher.last_test_accuracy_mean, teacher.last_test_accuracy_high)} %" in page


def test_the_notes_length_is_of_the_committed_tables():
    page = " ".join((ROOT / "docs" / "note.md").read_text().split())
    accuracy = pd.read_csv(AS_WRITTEN / "accuracy.csv").set_index(["experiment", "role"])
    config = json.loads((AS_WRITTEN.parent / "config.json").read_text())
    figures = config["experiments"]["constant"]["published"]["fashion-mnist"]
    for role, name in (("teacher", "teacher"), ("baseline", "net on labels"), ("student", "student")):
        row = accuracy.loc[("constant", role)]
        cells = [
            show_interval(row[f"{measure}_mean"], row[f"{measure}_high"])
            for measure in ("last_test_accuracy", "best_on_test_accuracy")
        ]
        assert f"| {name} | {' | '.join(cells)} | {figures[role]['test_accuracy']:.2f} |" in page
    runs = pd.read_csv(AS_WRITTEN / "runs.csv")
    net = runs[runs.model == "constant"]
    shown = []
    for measure in ("last_test_accuracy", "best_on_test_accuracy"):  # the latter is what is foretold below
        arms = 100 * net.pivot(index="seed", columns="supervision", values=measure)
        gain = mean_interval((arms["resnet_T4_w0.1"] - arms["labels"]).dropna())
        assert gain.n == accuracy.n["constant", "student"]
        shown.append(show_difference(gain.mean, gain.high))
    theirs = figures["student"]["test_accuracy"] - figures["baseline"]["test_accuracy"]
    assert f"| gain | {' | '.join(shown)} | +{theirs:.2f} |" in page
    assert f"n = {gain.n} seeds, gains paired" in page
    labels, student = (prediction_interval(arms[arm].dropna()) for arm in ("labels", "resnet_T4_w0.1"))
    foretold = prediction_interval(arms["resnet_T4_w0.1"] - arms["labels"])
    assert labels.low < figures["baseline"]["test_accuracy"] < labels.high
    assert student.low < figures["student"]["test_accuracy"] < student.high
    assert foretold.low < theirs < foretold.high
    teacher = prediction_interval(100 * runs[runs.model == "resnet"].last_test_accuracy)
    assert teacher.low < figures["teacher"]["test_accuracy"] < teacher.high
    assert (
        f"({labels.low:.2f} to {labels.high:.2f}, {student.low:.2f} to {student.high:.2f} and "
        f"+{foretold.low:.2f} to +{foretold.high:.2f} for the last three)" in page
    )
    shown = []
    for role in ("teacher", "baseline", "student"):
        row = accuracy.loc[("constant", role)]
        mean, half = (
            row.selected_train_accuracy_mean,
            row.selected_train_accuracy_high - row.selected_train_accuracy_mean,
        )
        assert abs(figures[role]["train_accuracy"] - mean) > half * (row.n + 1) ** 0.5  # where one more run would fall
        shown.append(show_interval(mean, mean + half))
    theirs = "{:.2f}, {:.2f} and {:.2f}".format(
        *(figures[role]["train_accuracy"] for role in ("teacher", "baseline", "student"))
    )
    assert f"**Its training accuracies do not**: {theirs} % there, and here" in page
    assert "{}, {} and {}, in evaluation mode. After the last".format(*shown) in page
    last = accuracy.loc["constant"].loc[["teacher", "baseline", "student"]]
    ends = [
        show_interval(*pair) for pair in zip(last.last_train_accuracy_mean, last.last_train_accuracy_high, strict=True)
    ]
    assert "After the last it is {}, {} and {}, and the small nets', which scatter more, come out".format(*ends) in page
    (commit,) = {name.removesuffix("-dirty") for name in runs.commit}
    assert f"{len(runs)} trainings at commit {commit[:7]}, two of them marked dirty" in page
    assert runs.commit.str.endswith("-dirty").sum() == 2
    oscillating = runs[runs.model == "resnet-constant"].sort_values("seed")
    of_teacher = " and ".join(f"{value:.2f}" for value in 100 * oscillating.best_on_test_accuracy)
    taught = 100 * net.pivot(index="seed", columns="supervision", values="best_on_test_accuracy").loc[oscillating.seed]
    best, labels = (
        " and ".join(f"{value:.2f}" for value in taught[arm]) for arm in ("resnet-constant_T4_w0.1", "labels")
    )
    assert (
        f"at the epoch best on test the teacher has {of_teacher} %, its students {best} %, the net on labels {labels}."
        in page
    )


def test_the_table_of_losses_is_of_the_committed_tables():
    """In the table's order; intervals of differences from Hinton's, and p by Holm."""
    page = (ROOT / "docs" / "losses.md").read_text()
    losses = pd.read_csv(LOSSES / "losses.csv")
    shown = [row.split(" | ")[1:] for row in re.findall(r"^\| (.*) \|$", page, re.MULTILINE)[3:]]
    assert shown == [
        [
            f"{row.temperature:g}",
            show_interval(row.accuracy, row.accuracy_high),
            show_difference(row.gain, row.gain_high),
            show_difference(row.arm_minus_student, row.arm_minus_student_high),
            show_p(row.p),
            show_p(p),
        ]
        for row, p in zip(losses.itertuples(), holm(losses.p.to_numpy()), strict=True)
    ]
    assert losses.gain_low.gt(0).tolist() == (losses.loss == "dist").tolist()
    assert losses.arm_minus_student.lt(0).tolist() == (losses.loss != "dist").tolist()
    accuracy = pd.read_csv(LOSSES / "accuracy.csv").set_index("role")
    teacher, labels, student = (
        show_interval(accuracy.last_test_accuracy_mean[role], accuracy.last_test_accuracy_high[role])
        for role in ("teacher", "baseline", "student")
    )
    text = " ".join(page.split())
    assert f"The teacher reaches {teacher} %, the net on labels {labels} %." in text
    lead = pd.read_csv(LOSSES / "gap_recovered.csv").set_index("arm")
    hinton, dist = lead.loc["student, T = 4"], lead.loc["dist"]
    gain = show_difference(hinton.gain, hinton.gain_high)
    assert f"| 4 | {student} | {gain} |" in page
    assert f"Hinton's loss gains ({gain})" in text
    shares = [f"{share:.0f}" for share in (dist.recovered, dist.recovered_low, dist.recovered_high)]
    assert "{} % of the teacher's lead ({} to {} %)".format(*shares) in text
    runs = pd.read_csv(NOTE / "runs.csv").query("model == 'student'")
    accuracy = 100 * runs.pivot(index="seed", columns="supervision", values="last_test_accuracy")
    warmer = accuracy["resnet_T2_w0.1"] - accuracy["resnet_T4_w0.1"]
    ahead = mean_interval(warmer)
    shown = f"{show_difference(ahead.mean, ahead.high)} (p = {show_p(sign_flip_p(warmer))})"
    assert f"Hinton's at T = 2 is ahead of T = 4 by {shown}" in text


def when(table: str) -> pd.DataFrame:
    """A table of the study when, its shares one after the other."""
    return pd.concat([pd.read_csv(tables / f"{table}.csv") for tables in WHEN])


def test_when_it_pays_is_of_the_committed_tables():
    """A row an experiment: each arm's accuracy, the teacher's lead, the best arm without it, the student's gain."""
    page = (ROOT / "docs" / "when.md").read_text()
    accuracy = when("accuracy").set_index(["experiment", "arm"])
    paid = when("payoff")
    arms = ("teacher", "baseline", "label smoothing", "whole cost", "self distillation", "student, T = 4")
    shown = [
        [
            f"{row.images:,}",
            "no" if "unaugmented" in row.experiment else "yes",
            str(row.n),
            *(
                show_interval(arm.last_test_accuracy_mean, arm.last_test_accuracy_high)
                for arm in (accuracy.loc[(row.experiment, name)] for name in arms)
            ),
            show_difference(row.lead, row.lead_high),
            row.rival,
            show_difference(row.gain, row.gain_high),
            show_p(row.p),
        ]
        for row in paid.itertuples()
    ]
    rows = [row.split(" | ") for row in re.findall(r"^\| (\d+,\d{3} .*) \|$", page, re.MULTILINE)]
    assert rows == shown
    for tables in WHEN:
        runs = pd.read_csv(tables / "runs.csv")
        (commit,) = set(runs.commit)
        assert f"{len(runs)} trainings at commit {commit[:7]}" in " ".join(page.split())


def test_longer_training_is_of_the_committed_tables():
    text = " ".join((ROOT / "docs" / "when.md").read_text().split())
    accuracy = pd.read_csv(PATIENT / "accuracy.csv").set_index("arm")
    names = {"teacher, with erasing": "teacher", "labels": "baseline", "labels, with erasing": "erased"}
    names |= {"student": "student, T = 4"}
    assert set(names.values()) == set(accuracy.index)
    for shown, name in names.items():
        arm = accuracy.loc[name]
        test = show_interval(arm.last_test_accuracy_mean, arm.last_test_accuracy_high)
        validation = show_interval(arm.last_validation_accuracy_mean, arm.last_validation_accuracy_high)
        assert f"| {shown} | {test} | {validation} |" in text
    (student,) = pd.read_csv(PATIENT / "gap_recovered.csv").query("chosen").itertuples()
    (paid,) = pd.read_csv(PATIENT / "payoff.csv").itertuples()
    assert f"ahead of the net on labels by {show_difference(student.gain, student.gain_high)}, and" in text
    assert f"choose, by {show_difference(paid.gain, paid.gain_high)} (p = {show_p(paid.p)})" in text
    assert paid.rival == "erased"
    assert paid.gain_low < 0 < paid.gain_high  # "five seeds do not tell these two apart"
    assert f"leads the net on labels by {show_difference(paid.lead, paid.lead_high)}" in text
    assert accuracy.last_test_accuracy_mean["student, T = 4"] > 94.3  # "which is met"
    runs = pd.read_csv(PATIENT / "runs.csv")
    assert f"{len(runs)} trainings, those of seed 0 at commit 59ec667, the others at b486a29" in text
    assert runs.groupby("commit").seed.unique().map(set).to_dict() == {
        "59ec6675befd": {0},
        "b486a291f159": {1, 2, 3, 4},
    }


def test_what_is_said_of_when_it_pays_is_of_the_committed_tables():
    text = " ".join((ROOT / "docs" / "when.md").read_text().split())
    paid = when("payoff").set_index("experiment")
    everything, paid = paid.loc["100-percent"], paid.drop("100-percent")
    told = paid.lead_low > 0
    assert told.tolist() == [False, True, True, True]
    assert (paid.gain_low[told] > 0).all()
    assert (paid.p[told] < 0.05).all()
    of_all_images(text, everything)
    assert paid.gain_low["3-percent"] < 0 < paid.gain_high["3-percent"]
    three, ten = (ahead_of_unaugmented(tables) for tables in WHEN[:2])
    assert f"are ahead of the student by {three} with 3 % and {ten} with 10 %, in each of ten seeds" in text
    controls = when("controls").set_index(["experiment", "control"])
    assert (controls.student_minus_control_low[list(paid.index.drop("3-percent"))] > 0).all()
    gains = when("gap_recovered").set_index(["experiment", "arm"])
    gain = {key: show_difference(gains.gain[key], gains.gain_high[key]) for key in gains.index}
    few, few_still, more, more_still = (
        [gain[name, arm] for arm in ("student, T = 4", "whole cost", "self distillation")] for name in paid.index
    )
    for name in ("3-percent-unaugmented", "10-percent-unaugmented"):  # "is not seen to help"
        assert gains.gain_low[name, "whole cost"] < 0 < gains.gain_high[name, "whole cost"]
    rest = controls.loc[("10-percent", "whole cost")]
    ahead = show_difference(rest.student_minus_control, rest.student_minus_control_high)

    def short(gain: str) -> str:
        return gain.partition(" ")[0]

    for sentence in (
        f"Over the net on labels it gains {few[0]}, and labels for its whole cost gain {few[1]}. With 10 % the student "
        f"gains {more[0]} and labels for its whole cost {more[1]}; here the student is ahead by {ahead} "
        f"(p = {show_p(rest.p)})",
        f"is not seen to help** ({few_still[1]} with 3 % and {more_still[1]} with 10 %)",
        f"The student gains {few_still[0]} with 3 % and {more_still[0]} with 10 %",
        f"gives {few[2]} of {short(few[0])} with 3 %, augmented, {few_still[2]} of {short(few_still[0])} with 3 %, "
        f"unaugmented, and {more_still[2]} of {short(more_still[0])} with 10 %, unaugmented, but {more[2]} of "
        f"{short(more[0])} with 10 %, augmented.",
    ):
        assert sentence in text
    claims = when("claims").set_index(["quantity", "experiment"]).loc["test accuracy, student less teacher"]
    assert (claims.low[paid.index] > 0).all()
    behind = claims.loc["100-percent"]
    assert f"with all it stays behind ({show_difference(behind.effect, behind.high)})" in text
    *margins, last = (show_difference(row.effect, row.high) for row in claims.loc[paid.index].itertuples())
    assert f"in the table's order by {', '.join(margins)} and {last} percentage points" in text
    costs = when("cost").pivot(index="experiment", columns="arm", values="total_seconds")
    times = costs["whole cost"] / costs["student, T = 4"]
    assert f"in seconds that was {times.min():.1f} to {times.max():.1f} times what the" in text


def ahead_of_unaugmented(tables: Path) -> str:
    """How far plain labels with augmented images are ahead of the student without, in every seed."""
    runs = pd.read_csv(tables / "runs.csv")
    runs["taught_by"] = runs.supervision.str.extract("^([a-z]+)")
    percent = 100 * runs.pivot(index="seed", columns=["model", "taught_by"], values="last_test_accuracy")
    model = f"student-{tables.parent.name.removeprefix('when-')}"
    ahead = percent[model, "labels"] - percent[f"{model}-unaugmented", "resnet"]
    assert (ahead > 0).all()
    mean, _, high, n = mean_interval(ahead)
    assert n == 10
    return show_interval(mean, high)


def of_all_images(text: str, paid: pd.Series) -> None:
    """With all images the student is behind labels for its whole cost."""
    runs = pd.read_csv(WHEN[-1] / "runs.csv").assign(arm=lambda runs: runs.model + " " + runs.supervision)
    percent = 100 * runs.pivot(index="seed", columns="arm", values="last_test_accuracy")
    longer = percent["longer-100-percent labels"]
    ahead = longer - percent["student-100-percent teacher-100-percent_T4_w0.1"]
    assert (paid.rival, ahead.mean(), len(ahead)) == ("whole cost", pytest.approx(-paid.gain), paid.n)
    assert (ahead > 0).all()  # "in each of five seeds"
    assert mean_interval(longer - percent["teacher-100-percent labels"]).low > 0  # "and ahead of the teacher too"
    (student,) = pd.read_csv(WHEN[-1] / "gap_recovered.csv").query("chosen").itertuples()
    recipes = json.loads((WHEN[-1].parent / "config.json").read_text())["recipes"]
    epochs = recipes["100-percent"]["epochs"]
    for sentence in (
        f"The net on labels for {recipes['100-percent-longer']['epochs']} epochs is ahead of the student by "
        f"{show_interval(-paid.gain, -paid.gain_low)}, in each of five seeds (p = {show_p(paid.p)}, the least that "
        "five seeds give)",
        f"student and teacher had {epochs} epochs each. Over labels for {epochs} epochs the student gains "
        f"{show_difference(student.gain, student.gain_high)}, under a teacher that leads by "
        f"{show_difference(paid.lead, paid.lead_high)}. T = 4 is the only temperature",
    ):
        assert sentence in text


def test_the_claims_of_few_images_are_of_the_committed_tables():
    page = (ROOT / "docs" / "when.md").read_text()
    claims = pd.concat([pd.read_csv(tables / "claims_rejudged.csv") for tables in WHEN[:2]])
    verdicts = claims.pivot(index="claim", columns="experiment", values="verdict")[list(claims.experiment.unique())]
    verdicts.loc["2a"] = "withdrawn"
    for claim, row in verdicts.iterrows():
        (shown,) = re.findall(rf"^\| {claim} .*", page, re.MULTILINE)
        assert shown.endswith(f" | {' | '.join(row)} |")
    decided = claims[claims.verdict != "undecided"]
    p = show_p(decided.p_holm.max())
    assert f"Where there is a verdict, p after Holm's correction over the nine is {p} or less" in " ".join(page.split())


@pytest.mark.slow
@pytest.mark.parametrize("study", judged_again.STUDIES)
def test_verdicts_judged_again_are_those_of_todays_rule(study):
    table = pd.read_csv(REFERENCE / study / "tables" / "claims_rejudged.csv")
    again = StringIO(judged_again.of(study).to_csv(index=False))
    pd.testing.assert_frame_equal(pd.read_csv(again), table)


@pytest.mark.slow
def test_judging_again_finds_what_todays_rule_found():
    own = pd.read_csv(ANNEALING / "claims.csv").query("decides").set_index(["experiment", "claim"])
    again = judged_again.of("annealing").set_index(["experiment", "claim"])
    columns = ["effect", "low", "high", "p", "n"]
    pd.testing.assert_frame_equal(again[columns].drop("2a", level="claim"), own[columns].drop("2a", level="claim"))


def test_the_figure_of_all_shares_is_drawn_from_their_tables(tmp_path, monkeypatch):
    words = ["--tables", *(str(tables / "payoff.csv") for tables in WHEN), "--out", str(tmp_path / "payoff.svg")]
    monkeypatch.setattr("sys.argv", ["plot_payoff.py", *words])
    plot_payoff.main()
    assert (tmp_path / "payoff.svg").read_text() == (REFERENCE / "payoff.svg").read_text()


def test_the_performance_table_is_of_the_committed_benchmarks():
    page = re.sub(r"^## On a GPU$.*?(?=^## )", "", (ROOT / "docs" / "speed.md").read_text(), flags=re.M | re.S)
    measured = "".join(path.read_text() for path in BENCHMARKS.glob("*.md"))
    rows = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) > 10
    for row in rows:
        assert f"{row}\n" in measured


def test_what_speed_says_of_a_gpu_is_what_the_kit_measured():
    page = (ROOT / "docs" / "speed.md").read_text()
    table = pd.read_csv(BENCHMARKS / "gpu_nvidia-h100-80gb-hbm3.csv").set_index(["part", "what"]).value
    found = pd.to_numeric(table, errors="coerce")
    for name, net in {
        "distillation": "student",
        "plain teacher on labels": "plain-teacher",
        "resnet on labels": "resnet",
    }.items():
        speeds = [found[net, f"{net}, {way}: speed"] for way in ("eager", "graph", "tutorial")]
        assert "| {} | {:,.0f} | {:,.0f} | {:,.0f} |".format(name, *speeds) in page
    shared = {
        (way, part): [found[part, f"{jobs} jobs, {way}"] for jobs in (1, 2, 4, 8, 16)]
        for part in ("sharing", "sharing under MPS")
        for way in ("eager", "graph")
    }
    for jobs, *speeds in zip((1, 2, 4, 8, 16), *shared.values(), strict=True):
        eager, graph, eager_mps, graph_mps = (f"{speed:,.0f}" for speed in speeds)
        assert f"| {jobs} | {eager} | {graph} | {eager_mps} | {graph_mps} |" in page
    eager, best = (shared[way, "sharing under MPS"][-1] for way in ("eager", "graph"))
    assert best == max(max(speeds) for speeds in shared.values())
    assert f"best way measured ({best / eager:.2f})" in page
    epoch, graph, tutorial = (found["student", f"student, {way}: speed"] for way in ("eager", "graph", "tutorial"))
    text = " ".join(page.split())
    assert f"({epoch / tutorial:.1f} times, {graph / tutorial:.1f} as a graph)" in text
    assert f"is {eager / tutorial:.0f} times what one tutorial loop does" in text
    full = [found["summary", f"full study, {way}, extrapolated from the parts above"] for way in ("eager", "graph")]
    assert "{:.0f} minutes under MPS, {:.0f} as graphs".format(*full) in text
    assert f"{found['compiled', 'student, compiled: speed']:,.0f} images a second, less" in text
