"""What docs/note.md says of the studies note, annealing and as-written stands in their tables."""

import re

import pandas as pd
import pytest

from dark_knowledge.analysis.formats import show_difference, show_interval, show_number, show_p, starred
from dark_knowledge.analysis.statistics import mean_interval, prediction_interval, sign_flip_p

from .pages import config_of, on_one_line, percent_correct, read, sections, table

CLAIMS = {
    "2b": "its validation accuracy is more stable",
    "3c": "it comes close to the teacher",
    "4": "teacher and baseline spread their errors in the same way",
}


def test_accuracies_and_gains_are_those_of_the_reference_run():
    page = read("docs/note.md")
    gains = table("note", "gap_recovered").set_index(["experiment", "arm"])
    for row in table("note", "accuracy").itertuples():
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
    page = on_one_line("docs/note.md")
    accuracy = table("note", "accuracy").query("experiment == 'resnet'").set_index("arm")
    baseline = accuracy.loc["baseline"]
    shown = show_interval(baseline.last_test_accuracy_mean, baseline.last_test_accuracy_high)
    assert f"reaches {shown} % without a teacher" in page
    every_gap = table("note", "gap_recovered").set_index(["experiment", "arm"])
    gaps = every_gap.query("chosen").reset_index("arm")
    custom, resnet = (show_interval(gaps.gap[name], gaps.gap_high[name]) for name in ("custom", "resnet"))
    assert f"lead it by {custom} (custom) and {resnet} percentage points (resnet)" in page
    of_custom, of_resnet = (
        f"{gap.recovered:.0f} % ({show_number(gap.recovered_low, 0)} to {gap.recovered_high:.0f} %)"
        for gap in (gaps.loc["custom"], gaps.loc["resnet"])
    )
    assert f"its student takes {of_resnet}, of the plain network's {of_custom}" in page
    (change,) = table("note", "gains").query("accuracy == 'last_test_accuracy'").itertuples()
    more = show_interval(change.change, change.change_high)
    assert f"That is {more} percentage points more (p = {show_p(change.p)})" in page
    accuracy = percent_correct("note", "student")
    apart = accuracy["resnet_T4_w0.1"] - accuracy["plain-teacher_T4_w0.1"]
    at_four = mean_interval(apart)
    assert f"is ahead by {show_interval(at_four.mean, at_four.high)} (p = {show_p(sign_flip_p(apart))})" in page
    earlier = percent_correct("note-earlier", "student")
    before = mean_interval(earlier["resnet_T4_w0.1"] - earlier["plain-teacher_T4_w0.1"])
    assert before.low < 0 < before.high  # "in the earlier run by nothing that is shown"
    four, two = (every_gap.loc[("resnet", f"student, T = {temperature}")] for temperature in (4, 2))
    kept = [show_interval(gap.gain, gap.gain_high) for gap in (four, two)]
    assert f"keeps a gain: {kept[0]} at T = 4, and {kept[1]} at T = 2 (n = {two.n})" in page
    claims = table("note", "claims").query("decides").set_index(["experiment", "claim"])
    plain = gaps.loc["custom"]
    assert plain.gain_low < 0
    assert f"student gains is not shown: {show_interval(plain.gain, plain.gain_high)} on these test images" in page
    faster, fit = claims.loc[("resnet", "1")], claims.loc[("resnet", "3a")]
    half = show_number(faster.high - faster.effect, 1)
    assert f"{-faster.effect:.1f} percentage points lower over the training (± {half}, ResNet)" in page
    assert f"({show_difference(fit.effect, fit.high)} percentage points in evaluation mode)" in page
    learning = table("note", "claims").query("experiment == 'resnet' and quantity.str.contains('while learning')")
    (learning,) = learning.query("claim == '3a'").itertuples()
    ahead = show_difference(learning.effect, learning.high)
    assert f"it is ahead by {ahead}, as the note has it (+{learning.published:.2f})" in page
    recovered = ["recovered", "recovered_low", "recovered_high"]
    assert "the ResNet's student ({:.1f} % of its lead, {:.0f} to {:.0f} %)".format(*four[recovered]) in page
    epochs = table("note", "convergence").query("experiment == 'resnet' and accuracy == 90").set_index("arm")
    reached = epochs.epochs[["student, T = 2", "baseline"]]
    assert "reaches 90 % in {:.1f} epochs, not {:.1f}".format(*reached) in page
    later = epochs.seconds_with_teacher["student, T = 2"] - epochs.seconds["baseline"]
    assert later / 60 == pytest.approx(10, abs=0.5)  # "ten minutes later"
    control = table("note", "controls").query("control == 'shuffled in class'").iloc[0]
    lost = show_interval(-control.gain, -control.gain_low)
    assert f"the student lies {lost} percentage points below the baseline" in page
    runs = table("note", "runs")
    assert set(runs.machine) == {"Intel(R) Xeon(R) Processor"}
    (commit,) = set(runs.commit)
    minutes = f"{runs.seconds.sum() / 60:.0f} core-minutes"
    assert f"at commit {commit[:7]}, 28 and 29 November 2026: {len(runs)} trainings, {minutes}" in page
    (earlier,) = set(table("note-earlier", "runs").commit)
    assert f"other code (commit {earlier[:7]})" in page
    reproduction = table("note", "reproduction")
    assert set(reproduction.verdict) == {"reproduced"}
    assert set(reproduction.n) == set(reproduction.published_n) == {10}
    foretold = reproduction.eval("(predicted_high - predicted_low) / 2")
    assert f"to within {foretold.min():.1f} to {foretold.max():.1f} percentage points" in page
    apart = (reproduction["mean"] - reproduction.published_mean).abs()
    assert f"They differ by {apart.median():.2f} in the median, by {apart.max():.2f} at most" in page


def test_the_verdicts_on_the_notes_claims_are_those_of_the_committed_tables():
    results = sections("docs/note.md")["Results"]
    claims = table("note", "claims").query("decides").set_index(["claim", "experiment"])
    shown = {claim: f"{row.verdict}, p = {show_p(row.p_holm)}" for claim, row in claims.iterrows()}
    for claim in claims.index.unique("claim"):
        (row,) = re.findall(rf"^\| {claim} .*", results, re.MULTILINE)
        assert row.endswith(f"| {shown[claim, 'custom']} | {shown[claim, 'resnet']} |")


def both_runs() -> pd.DataFrame:
    """The default study's verdicts, 2a left out, those of the earlier run in columns with _earlier."""
    keys = ["claim", "experiment"]
    own = table("note", "claims").query("decides and claim != '2a'").set_index(keys)
    return own.join(table("note-earlier", "claims_rejudged").set_index(keys), suffixes=("", "_earlier")).sort_index()


def turned_rows() -> list[str]:
    """A row for each verdict that was another in the earlier run."""
    both = both_runs()
    rows = []
    for (claim, experiment), row in both[both.verdict != both.verdict_earlier].iterrows():
        assert (row.verdict_earlier, row.verdict) == ("supported", "undecided")
        assert row.effect * row.effect_earlier > 0
        digits, signed = (2, True) if row.unit == "percentage points" else (1, False)
        cells = []
        for run in ("_earlier", ""):
            mean, low, high = (show_number(row[end + run], digits, signed=signed) for end in ("effect", "low", "high"))
            cells += [f"{mean} ({low} to {high})", show_p(row[f"p_holm{run}"])]
        rows.append(" | ".join([f"{claim} {CLAIMS[claim]}", experiment, *cells]))
    return rows


def test_verdicts_of_the_two_runs_are_of_the_committed_tables():
    page = read("docs/note.md")
    both = both_runs()
    same = both[both.verdict == both.verdict_earlier]
    assert set(same.index[same.verdict != "undecided"]) == {
        *((claim, experiment) for claim in ("1", "3a") for experiment in ("custom", "resnet")),
        *(("3b", "resnet"), ("4", "custom")),
    }
    assert both.reference.xs("4").tolist() == pytest.approx([2.5, 2.5])
    turned = turned_rows()
    for row in turned:
        assert f"| {row} |" in page
    assert len(turned) == 4
    assert "four of these verdicts were others" in on_one_line("docs/note.md")
    losses = table("note", "claims").query("claim == '2a'").set_index(["experiment", "quantity"])
    single, trained_on = (
        losses.xs(f"scatter of the batches' {kind} in the last 5 epochs", level="quantity")
        for kind in ("hard losses", "losses as trained on")
    )
    custom, resnet = (f"{-single.effect[name]:.4f}" for name in ("custom", "resnet"))
    p = " and ".join(show_p(single.p_holm[name]) for name in ("custom", "resnet"))
    assert f"less, by {custom} (custom) and {resnet} nats (resnet), p = {p}" in on_one_line("docs/note.md")
    custom, resnet = (f"{-trained_on.effect[name]:.4f}" for name in ("custom", "resnet"))
    assert f"it would be less by {custom} and {resnet}." in on_one_line("docs/note.md")


def test_the_learning_rates_part_is_of_the_committed_tables():
    page = on_one_line("docs/note.md")
    gains = table("annealing", "gains").set_index("accuracy")
    arms = table("annealing", "accuracy").set_index(["experiment", "role"])
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
    annealed = table("annealing", "payoff").set_index("experiment").loc["annealed"]
    assert f"ahead of the net on labels by {show_difference(annealed.lead, annealed.lead_high)}" in page
    claims = table("annealing", "claims").query("decides").set_index(["experiment", "claim"])
    decided = claims.verdict[claims.verdict != "undecided"]
    assert decided["constant"].to_dict() == {"1": "supported", "2a": "contradicted"}
    assert decided["annealed"].to_dict() == {
        "1": "supported",
        "2b": "supported",
        "3a": "contradicted",
        "4": "supported",
    }
    p = [show_p(claims.p_holm[rate, "3b"]) for rate in ("constant", "annealed")]
    assert f"p = {p[0]} and {p[1]} with Holm's correction" in page
    gain, of_ten_epochs = (
        accuracy["resnet_T4_w0.1"] - accuracy["labels"]
        for accuracy in (percent_correct("annealing", "annealed"), percent_correct("note", "student"))
    )
    less = mean_interval(of_ten_epochs - gain)
    assert (
        f"by {show_interval(less.mean, less.high)} (p = {show_p(sign_flip_p(of_ten_epochs - gain))}; seeds paired"
        in page
    )
    note = table("note", "accuracy").query("experiment == 'resnet' and chosen").iloc[0]
    labels = arms.loc[("annealed", "baseline")].last_test_accuracy_mean
    assert f"16 epochs give {labels:.2f} %, where the student at T = 2 has {note.last_test_accuracy_mean:.2f} %" in page
    cost = table("note", "cost").query("experiment == 'resnet'").set_index("arm").total_multiply_adds
    assert cost["student, T = 2"] / (cost["baseline"] * 16 / 10) == pytest.approx(4, abs=0.2)  # "four times"
    teacher = arms.loc[("constant", "teacher")]
    assert f"{show_interval(teacher.last_test_accuracy_mean, teacher.last_test_accuracy_high)} %" in page


def test_the_notes_length_is_of_the_committed_tables():
    page = on_one_line("docs/note.md")
    accuracy = table("as-written", "accuracy").set_index(["experiment", "role"])
    config = config_of("as-written")
    figures = config["experiments"]["constant"]["published"]["fashion-mnist"]
    for role, name in (("teacher", "teacher"), ("baseline", "net on labels"), ("student", "student")):
        row = accuracy.loc[("constant", role)]
        cells = [
            show_interval(row[f"{measure}_mean"], row[f"{measure}_high"])
            for measure in ("last_test_accuracy", "best_on_test_accuracy")
        ]
        assert f"| {name} | {' | '.join(cells)} | {figures[role]['test_accuracy']:.2f} |" in page
    runs = table("as-written", "runs")
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
        f"at the epoch best on test the two seeds have {of_teacher} % (teacher), {best} % (student), {labels} % "
        "(labels)." in page
    )
