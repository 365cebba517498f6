"""What the README says was found stands in committed tables, and what it shows to write is allowed."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from snakemake.utils import update_config

from dark_knowledge.analysis.formats import NO_NUMBER, show_difference, show_interval, show_p
from dark_knowledge.analysis.statistics import holm, mean_interval, prediction_interval
from dark_knowledge.study.arms import roles_of
from dark_knowledge.study.checking import check_config

from .pictures import folder_of_pictures

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
CLAIMS = {"1", "2a", "2b", "3a", "3b", "3c", "4", "5", "6"}
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def table(study: str, name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / study / "tables" / f"{name}.csv")


def sections(page: str) -> list[str]:
    """The page's parts, each from its heading on; the first is what stands before all headings."""
    return re.split(r"^(?=## )", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)


def statements(section: str) -> list[str]:
    """The rows of its table below the head, and its points, each on one line."""
    points = [" ".join(point.split()) for point in re.findall(r"^\* (.*?)(?=\n\n|\n\* )", section, re.M | re.S)]
    rows = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    return rows[2:] + points


def mnist_row() -> str:
    """Test errors of the paper's three nets, and what distillation saves, paired by seed."""
    paper = table("hinton2015", "paper").set_index("what")
    nets = paper.loc[["large net", "small net on labels", "small net distilled"]]
    runs = table("hinton2015", "runs").query("model == 'width-800'")
    errors = runs.assign(errors=(10_000 * (1 - runs.last_test_accuracy)).round())
    errors = errors.pivot(index="seed", columns="supervision", values="errors")
    saved = mean_interval((errors["labels"] - errors["teacher_T20_w0.5"]).dropna())
    (n,) = {*nets.n, saved.n}
    cells = [show_interval(mean, high, 1) for mean, high in zip(nets["mean"], nets.high, strict=True)]
    papers = ", ".join(f"{number:.0f}" for number in nets.paper)
    gain = f"{show_interval(saved.mean, saved.high, 1)} fewer"
    return " | ".join(["MNIST, test errors", str(n), *cells, gain, papers])


def published(experiment: str) -> dict:
    """The note's own figures, by role."""
    config = json.loads((REFERENCE / "note" / "config.json").read_text())
    return config["experiments"][experiment].get("published") or {}


def note_row(experiment: str) -> str:
    """Test accuracies of the note's three nets, the student's at the temperature that validation chose."""
    arms = table("note", "accuracy").query("experiment == @experiment and (role != 'student' or chosen)")
    arms = arms.set_index("role").loc[["teacher", "baseline", "student"]]
    (n,) = set(arms.n)
    gain = table("note", "gap_recovered").query("experiment == @experiment and chosen").iloc[0]
    figures = published(experiment)
    return " | ".join(
        [
            f"Fashion-MNIST, {experiment}, test accuracy, %",
            str(n),
            *(show_interval(arm.last_test_accuracy_mean, arm.last_test_accuracy_high) for arm in arms.itertuples()),
            show_difference(gain.gain, gain.gain_high),
            ", ".join(f"{figures[role]['test_accuracy']:.2f}" for role in arms.index if role in figures) or NO_NUMBER,
        ]
    )


def mnist_point() -> str:
    gap = table("hinton2015", "gap_recovered").query("experiment == 'distillation' and chosen").iloc[0]
    paper = table("hinton2015", "paper").set_index(["what", "mend"])
    soft, labels = (paper.loc[f"3 % of the data, {by}"].iloc[0] for by in ("soft targets", "labels"))
    classes = table("hinton2015", "errors_per_class").query("experiment == 'no-threes' and role == 'student'")
    threes = classes.set_index("label").loc[3]
    corrected = paper.loc[("no 3s, bias corrected, errors on 3s", "fixed")]
    (n,) = {gap.n, soft.n, labels.n, threes.n, corrected.n}
    soft, labels = (show_interval(row["mean"], row.high, 1) for row in (soft, labels))
    teacher, baseline, distilled = (
        paper.loc[what].iloc[0] for what in ("large net", "small net on labels", "small net distilled")
    )
    theirs = (baseline.paper - distilled.paper) / (baseline.paper - teacher.paper)
    assert distilled.inside == "no"
    return (
        f"**On MNIST distillation passes on {gap.recovered:.0f} % of the teacher's lead** ({gap.recovered_low:.0f} to "
        f"{gap.recovered_high:.0f} %, n = {n}), with the paper's single nets {100 * theirs:.0f} %; of further runs "
        "here "
        f"95 % would make {distilled.run_low:.1f} to {distilled.run_high:.1f} errors. Of 3 % of the images labels "
        "alone "
        f"make {labels} errors, and soft targets of the teacher, which saw all, {soft}. Without any 3 to learn from, "
        f"the student gets {threes.errors:.1f} of the {threes.images:,} test images of 3s wrong, and "
        f"{corrected['mean']:.1f} once its bias is corrected by the paper's shift."
    )


def small_lead_point() -> str:
    gaps = table("note", "gap_recovered").query("chosen").set_index("experiment").loc[["custom", "resnet"]]
    (n,) = set(gaps.n)
    custom, resnet = (show_interval(gap.gap, gap.gap_high) for gap in gaps.itertuples())
    plain, deep = (
        f"{gap.recovered:.0f} % ({gap.recovered_low:.0f} to {gap.recovered_high:.0f} %) at "
        f"{gap.arm.removeprefix('student, ')}"
        for gap in gaps.itertuples()
    )
    epochs, longer = (
        json.loads((REFERENCE / study / "config.json").read_text())["recipes"][recipe]["epochs"]
        for study, recipe in (("note", "student"), ("annealing", "annealed"))
    )
    later = table("annealing", "payoff").set_index("experiment").loc["annealed"]
    assert later.gain_low < 0 < later.gain_high
    labels = table("annealing", "accuracy").query("experiment == 'annealed' and role == 'baseline'").iloc[0]
    shown = show_interval(labels.last_test_accuracy_mean, labels.last_test_accuracy_high)
    baseline = table("note", "accuracy").query("role == 'baseline'").last_test_accuracy_mean
    student = published("resnet")["student"]["test_accuracy"]
    assert (baseline > student).all()
    tried = (table("note", "accuracy").query("experiment == 'resnet'").role == "student").sum()
    taught = json.loads((REFERENCE / "annealing" / "config.json").read_text())["recipes"]["teacher"]["epochs"]
    return (
        f"**Trained well, the small net needs no teacher for the accuracy of the note's student** ({student:.2f} %). "
        f"After {epochs} epochs at an annealed rate the teachers lead it by {custom} and {resnet} percentage points "
        f"(n = {n}). The plain teacher's student takes {plain} of it, the ResNet's {deep}, the best of {WORDS[tried]} "
        "on "
        f"validation images. After the {longer} epochs above it is at {shown} % by itself, its teacher, trained for "
        f"{taught}, leads by {show_difference(later.lead, later.lead_high)} on these test images, for others perhaps "
        "by nothing, and no gain is seen."
    )


def verdicts(study: str, name: str, experiment: str) -> dict[str, set[str]]:
    """The claims by their verdict; one that the committed runs cannot judge is undecided."""
    claims = table(study, name).query("experiment == @experiment and decides").set_index("claim").verdict
    claims = claims.drop("2a", errors="ignore")  # withdrawn: judged by a loss that is no cross-entropy
    judged = {verdict: set(claims.index[claims == verdict]) for verdict in ("supported", "contradicted")}
    return judged | {"undecided": CLAIMS - judged["supported"] - judged["contradicted"]}


def claims_point() -> str:
    fashion, mnist = verdicts("note", "claims", "resnet"), verdicts("hinton2015", "claims_rejudged", "distillation")
    assert fashion == {"supported": {"1", "2b", "3b", "4"}, "contradicted": {"3a"}, "undecided": {"2a", "3c", "5", "6"}}
    assert mnist == {
        "supported": {"1", "3b", "3c"},
        "contradicted": {"3a"},
        "undecided": {"2a", "2b", "4", "5", "6"},
    }
    learning = table("note", "claims").query("experiment == 'resnet' and claim == '3a' and not decides").iloc[0]
    ahead = show_difference(learning.effect, learning.high)
    claims = table("note", "claims").query("experiment == 'resnet' and decides").set_index("claim")
    (n,) = {*claims.n, *table("hinton2015", "claims_rejudged").query("experiment == 'distillation'").n}
    shirts = show_difference(claims.effect["5"], claims.high["5"], 1)
    return (
        f"**Of the note's {WORDS[len(CLAIMS)]} claims** it is shown with {WORDS[n]} seeds, on Fashion-MNIST (the "
        "ResNet's "
        "student) and on MNIST, that the student learns faster and is better on test. In the end it fits the training "
        "set "
        "worse, where the note says better; while it learns, on augmented images of Fashion-MNIST, it is ahead "
        f"({ahead} percentage points). Whether it makes fewer errors on the note's class 6, shirts ({shirts} errors), "
        "and "
        "spreads its errors more evenly, is undecided. [All verdicts](docs/note.md#results); with fewer images [some "
        "turn](docs/when.md#the-notes-claims)."
    )


def losses_point() -> str:
    """The six losses against Hinton's, p by Holm."""
    losses = table("losses", "losses").set_index("arm")
    losses["p_holm"] = holm(losses.p.to_numpy())
    dist, decoupled = losses.loc["dist"], losses.loc["decoupled"]
    assert len(losses) == 6
    assert set(losses.index[losses.p_holm <= 0.05]) == {"dist", "decoupled"}
    (n,) = set(losses.n)
    assert dist.p_holm == decoupled.p_holm == pytest.approx(len(losses) * 2 / 2**n)
    return (
        "**Of six other losses DIST alone is ahead of Hinton's**, on Fashion-MNIST's test images as they are (n = "
        f"{n}) "
        f"by {show_interval(dist.lead, dist.lead_high)} percentage points; decoupled distillation with its paper's "
        f"weights is behind by {show_interval(-decoupled.lead, -decoupled.lead_low)} (p after Holm's correction "
        f"{show_p(dist.p_holm)} for both, the least that {WORDS[n]} seeds give). Both weigh the labels by 0.5, "
        "Hinton's "
        "by 0.1; none was tuned, and another temperature does as much for Hinton's."
    )


def few_fashion_images_point() -> str:
    """The student against the best arm without its teacher: 3 and 10 % of the images, augmented and not; all of "
    "them."""
    of_both = [table(f"when-{share}-percent", "payoff").set_index("experiment") for share in (3, 10)]
    paid = pd.concat(of_both)
    gain = {name: show_difference(row.gain, row.gain_high) for name, row in paid.iterrows()}
    few, few_still, more, more_still = paid.index
    lead = show_difference(paid.lead[few], paid.lead_high[few])
    (n,) = set(paid.n)
    p = {name: show_p(row.p) for name, row in paid.iterrows()}
    assert {name for name in paid.index if paid.gain_low[name] > 0} == {few_still, more, more_still}
    (every,) = table("when-100-percent", "payoff").itertuples()
    assert (every.rival, every.p) == ("whole cost", 2 / 2**every.n)
    longer = table("when-100-percent", "accuracy").set_index("arm").loc["whole cost"]
    reached = show_interval(longer.last_test_accuracy_mean, longer.last_test_accuracy_high)
    whole_cost = table("when-10-percent", "controls").set_index(["experiment", "control"]).loc[(more, "whole cost")]
    cost = show_difference(whole_cost.lead, whole_cost.lead_high)
    return (
        "**With few images the student is ahead of whatever was tried without its teacher, in three of four settings; "
        f"with all of them it is behind longer training.** With 3 and with 10 % of Fashion-MNIST's images (n = {n}), "
        "not augmented, it is ahead of the best "
        f"of these on validation images by {gain[few_still]} (p = {p[few_still]}) and by {gain[more_still]} percentage "
        f"points (p = {p[more_still]}). Augmented, with 10 %, it is ahead by {gain[more]} (p = {p[more]}), of labels "
        "for "
        f"its whole cost by {cost}; with 3 % it is not ({gain[few]}), and there the teacher's own lead is {lead}. With "
        f"all images (n = {every.n}), augmented, labels for its whole cost reach {reached} % and are ahead of it by "
        f"{show_interval(-every.gain, -every.gain_low)} (p = {show_p(every.p)}, the least that {WORDS[every.n]} seeds "
        "give)."
    )


def as_written_row() -> str:
    """The note's three nets at the epoch best on test, which is its way to read a curve."""
    arms = table("as-written", "accuracy").query("experiment == 'constant'").set_index("role")
    arms = arms.loc[["teacher", "baseline", "student"]]
    (n,) = set(arms.n)
    runs = table("as-written", "runs").query("model == 'constant'")
    best = 100 * runs.pivot(index="seed", columns="supervision", values="best_on_test_accuracy")
    gain = mean_interval((best["resnet_T4_w0.1"] - best["labels"]).dropna())
    assert gain.n == n
    figures = published("resnet")
    cells = [show_interval(arm.best_on_test_accuracy_mean, arm.best_on_test_accuracy_high) for arm in arms.itertuples()]
    cells += [show_difference(gain.mean, gain.high)]
    cells += [", ".join(f"{figures[role]['test_accuracy']:.2f}" for role in arms.index)]
    return " | ".join(["Fashion-MNIST, as the note, best on test, %", str(n), *cells])


def annealing_point() -> str:
    """At a constant rate and at one that falls, at the epoch best on test."""
    gains = table("annealing", "gains").set_index("accuracy").loc["best_on_test_accuracy"]
    arms = table("annealing", "accuracy").set_index(["experiment", "role"])
    labels, soft = (
        show_interval(arm.best_on_test_accuracy_mean, arm.best_on_test_accuracy_high)
        for arm in (arms.loc[("annealed", role)] for role in ("baseline", "student"))
    )
    epochs, length = (
        json.loads((REFERENCE / study / "config.json").read_text())["recipes"]["constant"]["epochs"]
        for study in ("annealing", "as-written")
    )
    assert gains["first"] == "constant"
    return (
        "**A gain of the note's size comes at a constant learning rate; in "
        f"{epochs} epochs at one that falls none is seen.** "
        f"Read as written, with a teacher whose rate falls and {length} epochs of the small net at a constant rate, "
        "the "
        f"note's test accuracies come out (last row). In the {epochs} epochs (n = {gains.n}) the gain at the epoch "
        "best on test is "
        f"{show_difference(gains.first_gain, gains.first_gain_high)} percentage points at the constant rate and "
        f"{show_difference(gains.gain, gains.gain_high)} at an annealed one, where the net reaches {labels} % on "
        f"labels and {soft} % on soft targets. The gains differ by {show_difference(gains.change, gains.change_high)} "
        f"(p = {show_p(gains.p)}), and annealing alone gives {show_difference(gains.labels, gains.labels_high)}."
    )


def summary() -> str:
    """What stands before the table."""
    paper = table("hinton2015", "paper").set_index("what")
    assert paper.inside[["large net", "small net on labels"]].tolist() == ["yes", "yes"]
    distilled = paper.loc["small net distilled"]
    arms = table("as-written", "accuracy").query("experiment == 'constant'").set_index("role")
    for role, figures in published("resnet").items():
        if role in arms.index:
            runs = table("as-written", "runs").query("model == @arms.model[@role]")
            own = runs[runs.supervision == {"student": "resnet_T4_w0.1"}.get(role, "labels")]
            one_more = prediction_interval(100 * own.best_on_test_accuracy)
            assert one_more.low < figures["test_accuracy"] < one_more.high
    return (
        "**Is it reproduced?** The paper's large net and its small net on labels are, its distilled net is not: "
        f"{distilled['mean']:.1f} test errors in place of {distilled.paper:.0f}. The note's three test accuracies are, "
        "if its teacher's learning rate falls and its small net's does not (the second reading that was tried); its "
        "training accuracies are not. Where the small net's rate falls too, that net by itself does better than the "
        "note's student. The note does not name its images: ten classes, its accuracies and its hardest class point to "
        "Fashion-MNIST, which is a guess."
    )


def worth() -> str:
    """What follows for whoever asks, of the points below."""
    paid = pd.concat([table(f"when-{share}-percent", "payoff") for share in (3, 10)])
    ahead = (paid.gain_low > 0).sum()
    (every,) = table("when-100-percent", "payoff").itertuples()
    recipes = json.loads((REFERENCE / "when-100-percent" / "config.json").read_text())["recipes"]
    short, longer = (recipes[name]["epochs"] for name in ("100-percent", "100-percent-longer"))
    assert every.gain_high < 0
    return (
        f"**Is it worth it?** With few images it is worth trying: in {WORDS[ahead]} of {WORDS[len(paid)]} settings the "
        "student is ahead of whatever was tried without its teacher. With all of them train the small net longer: on "
        f"labels for what the student costs with its teacher, {longer} epochs in place of {short}, it is ahead of the "
        f"student by {show_interval(-every.gain, -every.gain_low)} percentage points (n = {every.n})."
    )


def caption() -> str:
    """What stands below the table."""
    resnet, custom = (
        table("note", "gap_recovered").query("experiment == @experiment and chosen").arm.item().split(" = ")[1]
        for experiment in ("resnet", "custom")
    )
    claims = table("note", "claims").query("experiment == 'custom' and decides").set_index("claim")
    assert claims.verdict["3b"] == "undecided"
    p = dict(zip(claims.index, holm(claims.p.where(claims.index != "2a", 1.0)), strict=True))  # 2a is withdrawn
    return (
        "Means over n seeds ± half of the 95 % t interval, on 10,000 test images; gains are paired by seed. The "
        "teacher of custom is a plain convolutional net, that of resnet and of the last row a ResNet. The students "
        f"learn from soft targets at a temperature T of 20 on MNIST, and on Fashion-MNIST of {custom}, as the note's, "
        f"or {resnet} in the row resnet, chosen on validation images. The gain of custom is undecided for other test "
        f"images (p = {show_p(p['3b'])}). What is reported elsewhere is of single runs, the note's at their "
        "best epoch on test."
    )


def test_whatever_was_found_stands_in_the_committed_tables():
    """So a point or a row with a number that no table gives is an error too."""
    (found,) = (section for section in sections("README.md") if section.startswith("## What was found\n"))
    text = " ".join(found.split())
    assert text.startswith(f"## What was found {summary()} {worth()} | ")
    assert f" {caption()} * " in text
    assert statements(found) == [
        mnist_row(),
        note_row("custom"),
        note_row("resnet"),
        as_written_row(),
        annealing_point(),
        small_lead_point(),
        few_fashion_images_point(),
        claims_point(),
        mnist_point(),
        losses_point(),
    ]


def test_the_default_study_takes_as_long_as_was_measured():
    measured = pd.read_csv(ROOT / "benchmarks" / "results" / "study.csv").set_index("work").core_seconds
    minutes = f"{measured['whole study'] / 2 / 60:.0f}"
    assert re.findall(r"^make +# .*?(\d+)", (ROOT / "README.md").read_text(), re.MULTILINE) == [minutes]


def example(language: str) -> str:
    """The README's one example of a language."""
    _, rest = (ROOT / "README.md").read_text().split(f"```{language}\n")
    return rest.split("```", 1)[0]


def own_study(folder: Path) -> dict:
    """The README's study of your own, with pictures in `folder`."""
    text = example("yaml")
    assert len(text.splitlines()) == 5
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, yaml.safe_load(text.replace("/data/pets", str(folder))))
    return config


def test_the_study_of_your_own_is_allowed(tmp_path):
    config = own_study(folder_of_pictures(tmp_path))
    check_config(config, SCHEMA)
    assert config["datasets"]["pets"]["classes"] == ["cat", "dog"]
    assert "student, T = 4" in [role.label for role in roles_of(config)]


@pytest.mark.parametrize(("page", "begin", "n"), [("tutorial.md", r"\w+: \{", 4), ("data.md", r"\{", 3)])
def test_what_may_be_changed_is_allowed(page, begin, n, tmp_path):
    """The tutorial's keys, and the other sources of images."""
    shown = re.findall(rf"^\|.*?\| `({begin}.*?)`", (ROOT / "docs" / page).read_text(), re.MULTILINE)
    assert len(shown) == n
    config = own_study(folder_of_pictures(tmp_path))
    for text in shown:
        change = yaml.safe_load(text.replace("...", "automobile"))
        if page == "data.md":
            config["datasets"]["pets"] = change
        else:
            update_config(config, change)
        check_config(config, SCHEMA)


def test_the_tutorial_makes_the_same_study():
    assert f"```yaml\n{example('yaml')}```" in (ROOT / "docs" / "tutorial.md").read_text()
