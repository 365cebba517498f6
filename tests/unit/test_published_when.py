"""What docs/when.md says of the studies when and patient stands in their tables."""

import re

import pandas as pd
import plot_payoff
import pytest

from dark_knowledge.analysis.formats import show_difference, show_interval, show_p
from dark_knowledge.analysis.statistics import mean_interval

from .pages import REFERENCE, config_of, on_one_line, read, table

WHEN = [f"when-{share}-percent" for share in (3, 10, 100)]
EARLIER = "when-10-percent-earlier"


def when(name: str) -> pd.DataFrame:
    """A table of the study when, its shares one after the other."""
    return pd.concat([table(study, name) for study in WHEN])


def test_when_it_pays_is_of_the_committed_tables():
    """A row an experiment: each arm's accuracy, the teacher's lead, the best arm without it, the student's gain."""
    page = read("docs/when.md")
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
    for study in WHEN:
        runs = table(study, "runs")
        (commit,) = set(runs.commit)
        assert f"{len(runs)} trainings at commit {commit[:7]}" in " ".join(page.split())


def test_longer_training_is_of_the_committed_tables():
    text = on_one_line("docs/when.md")
    accuracy = table("patient", "accuracy").set_index("arm")
    names = {"teacher, with erasing": "teacher", "labels": "baseline", "labels, with erasing": "erased"}
    names |= {"student": "student, T = 4"}
    assert set(names.values()) == set(accuracy.index)
    for shown, name in names.items():
        arm = accuracy.loc[name]
        test = show_interval(arm.last_test_accuracy_mean, arm.last_test_accuracy_high)
        validation = show_interval(arm.last_validation_accuracy_mean, arm.last_validation_accuracy_high)
        assert f"| {shown} | {test} | {validation} |" in text
    (student,) = table("patient", "gap_recovered").query("chosen").itertuples()
    (paid,) = table("patient", "payoff").itertuples()
    assert f"ahead of the net on labels by {show_difference(student.gain, student.gain_high)}, and" in text
    assert f"choose, by {show_difference(paid.gain, paid.gain_high)} (p = {show_p(paid.p)})" in text
    assert paid.rival == "erased"
    assert paid.gain_low < 0 < paid.gain_high  # "five seeds do not tell these two apart"
    assert f"leads the net on labels by {show_difference(paid.lead, paid.lead_high)}" in text
    assert accuracy.last_test_accuracy_mean["student, T = 4"] > 94.3  # "which is met"
    runs = table("patient", "runs")
    for part, words in (("validation", "points on validation,"), ("test", "on test.")):
        percent = 100 * runs.pivot(index="seed", columns=["model", "supervision"], values=f"last_{part}_accuracy")
        erasing = mean_interval(percent["student-erased", "labels"] - percent["student", "labels"])
        assert f"{show_difference(erasing.mean, erasing.high)} {words}" in text.replace("percentage ", "")
        assert erasing.low < 0 < erasing.high  # "it is not shown that it helps on labels either"
    assert f"{len(runs)} trainings, those of seed 0 at commit 59ec667, the others at b486a29" in text
    assert runs.groupby("commit").seed.unique().map(set).to_dict() == {
        "59ec6675befd": {0},
        "b486a291f159": {1, 2, 3, 4},
    }


def test_what_is_said_of_when_it_pays_is_of_the_committed_tables():
    text = on_one_line("docs/when.md")
    paid = when("payoff").set_index("experiment")
    everything, paid = paid.loc["100-percent"], paid.drop("100-percent")
    unaugmented = ["3-percent-unaugmented", "10-percent-unaugmented"]
    assert (paid.loc[unaugmented, ["lead_low", "gain_low"]] > 0).all(axis=None)
    assert (paid.p[unaugmented] < 0.05).all()
    of_all_images(text, everything)
    three, ten = (ahead_of_unaugmented(study) for study in WHEN[:2])
    assert f"are ahead of the student by {three} with 3 % and {ten} with 10 %, in each of ten seeds" in text
    controls = when("controls").set_index(["experiment", "control"])
    assert (controls.student_minus_control_low[unaugmented] > 0).all()
    for name in paid.index.drop(unaugmented):  # "cannot be told from longer training"
        rest = controls.loc[(name, "whole cost")]
        assert rest.student_minus_control_low < 0 < rest.student_minus_control_high
    gains = when("gap_recovered").set_index(["experiment", "arm"])
    gain = {key: show_difference(gains.gain[key], gains.gain_high[key]) for key in gains.index}
    few, few_still, more, more_still = (
        [gain[name, arm] for arm in ("student, T = 4", "whole cost", "self distillation")] for name in paid.index
    )
    for name in unaugmented:  # "is not seen to help"
        assert gains.gain_low[name, "whole cost"] < 0 < gains.gain_high[name, "whole cost"]

    def short(gain: str) -> str:
        return gain.partition(" ")[0]

    for sentence in (
        f"With 3 % it gains {few[0]} over the net on labels, and labels for its whole cost gain {few[1]}; with 10 % "
        f"the student gains {more[0]} and labels for its whole cost {more[1]}.",
        f"is not seen to help** ({few_still[1]} with 3 % and {more_still[1]} with 10 %)",
        f"The student gains {few_still[0]} with 3 % and {more_still[0]} with 10 %",
        f"gives {few[2]} of {short(few[0])} with 3 %, augmented, {few_still[2]} of {short(few_still[0])} with 3 %, "
        f"unaugmented, and {more_still[2]} of {short(more_still[0])} with 10 %, unaugmented, but {more[2]} of "
        f"{short(more[0])} with 10 %, augmented.",
    ):
        assert sentence in text
    claims = when("claims").set_index(["quantity", "experiment"]).loc["test accuracy, student less teacher"]
    assert (claims.low[paid.index] > 0).tolist() == [True, True, False, True]  # "which may be nothing"
    behind = claims.loc["100-percent"]
    assert f"with all it stays behind ({show_difference(behind.effect, behind.high)})" in text
    *margins, last = (show_difference(row.effect, row.high) for row in claims.loc[paid.index].itertuples())
    assert f"in the table's order by {', '.join(margins)} (which may be nothing) and {last} percentage points" in text
    costs = when("cost").pivot(index="experiment", columns="arm", values="total_seconds")
    times = costs["whole cost"] / costs["student, T = 4"]
    assert f"in seconds that was {times.min():.1f} to {times.max():.1f} times what the" in text


def test_two_runs_of_a_tenth_of_the_images_are_of_the_committed_tables():
    text = on_one_line("docs/when.md")
    arms = table(WHEN[1], "reproduction").set_index(["experiment", "arm"])
    assert set(arms.verdict) == {"reproduced"}
    apart = (arms["mean"] - arms.published_mean).abs()
    student = ("10-percent", "student, T = 4")
    assert apart.idxmax() == student
    before, now = (
        table(study, "accuracy").set_index(["experiment", "arm"]).loc[student] for study in (EARLIER, WHEN[1])
    )
    was, has = (show_interval(arm.last_test_accuracy_mean, arm.last_test_accuracy_high) for arm in (before, now))
    earlier, own = (
        table(study, "controls").query("experiment == '10-percent'").set_index("control")
        for study in (EARLIER, WHEN[1])
    )
    longer, longer_before = (
        f"{show_difference(row.student_minus_control, row.student_minus_control_high)} (p = {show_p(row.p)})"
        for row in (run.loc["whole cost"] for run in (own, earlier))
    )
    for sentence in (
        f"All {len(arms)} arms lie where the earlier ten seeds predict the mean of ten more, in the median "
        f"{apart.median():.2f} percentage points apart. Furthest apart is the student on augmented images, with {was} "
        "% "
        f"and now {has} %.",
        f"it is ahead by {longer}, and was by {longer_before} in",
    ):
        assert sentence in text
    for control in own.index:
        cells = [control]
        for row in (earlier.loc[control], own.loc[control]):
            cells += [show_difference(row.student_minus_control, row.student_minus_control_high), show_p(row.p)]
        assert f"| {' | '.join(cells)} |" in text
    assert (earlier.student_minus_control_low > 0).all()
    keys = ["experiment", "claim"]
    verdicts = table(WHEN[1], "claims").query("decides").set_index(keys).verdict.drop("2a", level="claim")
    then = table(EARLIER, "claims_rejudged").set_index(keys).verdict.loc[verdicts.index]
    turned = verdicts[verdicts != then]
    assert turned.to_dict() == {("10-percent", "6"): "undecided"}
    assert then[turned.index].tolist() == ["contradicted"]
    (commit,) = set(table(EARLIER, "runs").commit)
    assert f"by earlier code (commit {commit[:7]})" in text


def ahead_of_unaugmented(study: str) -> str:
    """How far plain labels with augmented images are ahead of the student without, in every seed."""
    runs = table(study, "runs")
    runs["taught_by"] = runs.supervision.str.extract("^([a-z]+)")
    percent = 100 * runs.pivot(index="seed", columns=["model", "taught_by"], values="last_test_accuracy")
    model = f"student-{study.removeprefix('when-')}"
    ahead = percent[model, "labels"] - percent[f"{model}-unaugmented", "resnet"]
    assert (ahead > 0).all()
    mean, _, high, n = mean_interval(ahead)
    assert n == 10
    return show_interval(mean, high)


def of_all_images(text: str, paid: pd.Series) -> None:
    """With all images the student is behind labels for its whole cost."""
    runs = table(WHEN[-1], "runs").assign(arm=lambda runs: runs.model + " " + runs.supervision)
    percent = 100 * runs.pivot(index="seed", columns="arm", values="last_test_accuracy")
    longer = percent["longer-100-percent labels"]
    ahead = longer - percent["student-100-percent teacher-100-percent_T4_w0.1"]
    assert (paid.rival, ahead.mean(), len(ahead)) == ("whole cost", pytest.approx(-paid.gain), paid.n)
    assert (ahead > 0).all()  # "in each of five seeds"
    assert mean_interval(longer - percent["teacher-100-percent labels"]).low > 0  # "and ahead of the teacher too"
    (student,) = table(WHEN[-1], "gap_recovered").query("chosen").itertuples()
    recipes = config_of(WHEN[-1])["recipes"]
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
    page = read("docs/when.md")
    claims = pd.concat([table(WHEN[0], "claims_rejudged"), table(WHEN[1], "claims").query("decides")])
    verdicts = claims.pivot(index="claim", columns="experiment", values="verdict")[list(claims.experiment.unique())]
    verdicts.loc["2a", verdicts.columns.str.startswith("3-")] = "withdrawn"
    for claim, row in verdicts.iterrows():
        (shown,) = re.findall(rf"^\| {claim} .*", page, re.MULTILINE)
        assert shown.endswith(f" | {' | '.join(row)} |")
    decided = claims[claims.verdict != "undecided"]
    p = show_p(decided.p_holm.max())
    assert f"Where there is a verdict, p after Holm's correction over the nine is {p} or less" in " ".join(page.split())


def test_the_figure_of_all_shares_is_drawn_from_their_tables(tmp_path, monkeypatch):
    words = [
        "--tables",
        *(str(REFERENCE / study / "tables" / "payoff.csv") for study in WHEN),
        "--out",
        str(tmp_path / "payoff.svg"),
    ]
    monkeypatch.setattr("sys.argv", ["plot_payoff.py", *words])
    plot_payoff.main()
    assert (tmp_path / "payoff.svg").read_text() == (REFERENCE / "payoff.svg").read_text()
