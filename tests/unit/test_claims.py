"""The claims: which quantities decide, and the rule by which they do, at one seed, at few and at ten."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from dark_knowledge.analysis import claims, image_noise
from dark_knowledge.analysis.claim_quantities import Quantity
from dark_knowledge.analysis.results import Results
from dark_knowledge.pages import captions, rendering
from dark_knowledge.study.arms import ALL_SEEDS

from .results import CLASSES, SETTINGS, make_results

pytestmark = pytest.mark.filterwarnings("error")
TEN = np.array([1.1, 0.9, 1.2, 0.8, 1.0, 1.3, 0.7, 1.05, 0.95, 1.15])


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch):
    """Least p by images 1 / 4097: even times nine far below any level."""
    monkeypatch.setattr(image_noise, "DRAWS", 2**12)


def table_of(study: dict, published: dict | None = None, **settings) -> pd.DataFrame:
    return claims.claims_table(Results(study), CLASSES, {"x": published or {}}, SETTINGS | settings)


def deciding(table: pd.DataFrame) -> pd.DataFrame:
    return table[table.decides].set_index("claim")


def judged(*quantities: Quantity, **settings) -> pd.DataFrame:
    return claims.judge(list(quantities), SETTINGS | settings)


def quantity(values, sign: int = 1, **more) -> Quantity:
    return Quantity("1", "a quantity", "percentage points", np.array(values, dtype=float), sign, decides=True, **more)


# The rule


@pytest.mark.parametrize(
    ("values", "sign", "verdict"),
    [
        (TEN, 1, claims.SUPPORTED),
        (-TEN, -1, claims.SUPPORTED),
        (-TEN, 1, claims.CONTRADICTED),
        (TEN, -1, claims.CONTRADICTED),
        (TEN - 1, 1, claims.UNDECIDED),
        (TEN[:9], 1, claims.UNDECIDED),  # one seed short
        (np.zeros(10), 1, claims.UNDECIDED),
        ([math.nan] * 10, 1, claims.UNDECIDED),
        ([5.0], 1, claims.UNDECIDED),
    ],
)
def test_a_verdict_takes_enough_seeds_a_small_p_and_a_side(values, sign, verdict):
    assert judged(quantity(values, sign)).verdict.item() == verdict


def test_a_verdict_is_about_the_reference():
    assert judged(quantity(TEN, -1, reference=3)).verdict.item() == claims.SUPPORTED  # similar: below the limit
    assert judged(quantity(TEN + 9, -1, reference=3)).verdict.item() == claims.CONTRADICTED
    assert judged(quantity(TEN, -1, reference=1)).verdict.item() == claims.UNDECIDED


def test_nine_deciding_quantities_are_corrected_for_one_another():
    eight = [quantity(TEN - 1)] * 8
    alone, together = judged(quantity(TEN)), judged(quantity(TEN), *eight)
    assert alone.p_holm[0] == 2 / 2**10
    assert together.p_holm[0] == 9 * 2 / 2**10
    assert together.verdict[0] == claims.SUPPORTED
    assert judged(quantity(TEN), *eight, level=0.01).verdict[0] == claims.UNDECIDED


def test_quantities_that_do_not_decide_have_no_verdict_and_cost_no_correction():
    beside = Quantity("1", "beside", "", TEN)
    table = judged(quantity(TEN), *[beside] * 20)
    assert table.p_holm[0] == 2 / 2**10
    assert (table.verdict[1:] == "").all()
    assert table.p_holm[1:].isna().all()


def test_seeds_needed_are_never_fewer_than_the_rule_or_the_test_can_do_with():
    level = 0.05 / 9
    assert claims.seeds_for_verdict(quantity([1.0, 1.01, 0.99]), 10, level) == 10
    assert claims.seeds_for_verdict(quantity([1.0, 1.01, 0.99]), 3, level) == 9  # 2 / 2^8 is above 0.05 / 9
    assert claims.seeds_for_verdict(quantity([1.0, -0.5, 0.7]), 10, level) > 10
    assert claims.seeds_for_verdict(quantity([1e-6, 1, -1]), 10, level) == math.inf
    assert math.isnan(claims.seeds_for_verdict(quantity([0.0, 0.0]), 10, level))
    quiet = quantity([1.0, 1.01, 0.99], image_noise=np.linspace(-0.1, 0.1, 2000))
    assert claims.seeds_for_verdict(quiet, 10, 1 / 2000) == 12
    assert claims.seeds_for_verdict(quiet, 10, 1 / 2002) == math.inf  # 2,000 draws give no p below 1 / 2001
    assert math.isnan(claims.seeds_for_verdict(quantity([math.nan] * 3), 10, level))


def test_one_seed_has_no_spread_to_plan_with():
    table = table_of(make_results(1))
    assert table.seeds_needed.isna().all()
    assert judged(quantity([1.0], image_noise=np.linspace(-9, 9, 1001))).seeds_needed.isna().item()


# The quantities


def test_each_claim_has_one_quantity_that_decides():
    table = table_of(make_results())
    stated = re.findall(r'^  "(\w+)": "', (captions.FOLDER / "statements.html.j2").read_text(), re.MULTILINE)
    assert list(deciding(table).index) == stated
    assert set(table.claim) == set(stated)


def test_effects_are_student_minus_baseline_of_the_chosen_temperature():
    study = make_results()
    table = deciding(table_of(study))
    accuracy = {
        arm: runs.set_index("seed").last_test_accuracy for arm, runs in study["runs"].groupby(["model", "supervision"])
    }
    teacher, baseline, student = (
        accuracy[arm] for arm in (("big", "labels"), ("small", "labels"), ("small", "big_T2_w0.1"))
    )
    assert (table.student_arm == "student, T = 2").all()
    assert table.effect["3b"] == pytest.approx(100 * (student - baseline).mean())
    assert table.effect["3c"] == pytest.approx(100 * (student - (teacher + baseline) / 2).mean())
    assert (table.n == 3).all()


def test_a_student_that_is_better_in_everything_is_found_so():
    study = make_results(10, images=300)
    table = deciding(table_of(study))
    assert table.verdict[["1", "3a", "3b", "5"]].eq(claims.SUPPORTED).all()
    worse = study | {"arms": study["arms"].assign(role=study["arms"].role.replace({"baseline": "other"}))}
    swapped = worse["arms"].copy()
    # The net trained on labels plays the student, and the student at T = 2 the baseline.
    swapped.loc[swapped.role == "other", ["role", "temperature"]] = ["student", 1.0]
    swapped.loc[swapped.supervision == "big_T2_w0.1", "role"] = "baseline"
    swapped = swapped[swapped.supervision != "big_T4_w0.1"]
    table = deciding(table_of(study | {"arms": swapped}))
    assert table.verdict[["1", "3a", "3b", "5"]].eq(claims.CONTRADICTED).all()


def test_similar_errors_are_closer_than_the_limit_and_different_ones_farther():
    study = make_results(10, images=3000)  # teacher and baseline err on the classes in the same proportions
    assert deciding(table_of(study)).verdict["4"] == claims.SUPPORTED
    predictions = study["predictions"].copy()
    of_bags = (predictions.model == "big") & (predictions.label == 0) & (predictions.image < 1000)
    predictions.loc[of_bags, "prediction"] = 1
    assert deciding(table_of(study | {"predictions": predictions})).verdict["4"] == claims.CONTRADICTED


def test_a_verdict_on_test_images_takes_enough_of_them():
    """Ten seeds that agree on a gain of two images are sure of these images only."""
    few = quantity(TEN + 0.1, image_noise=np.linspace(-2, 2, 1001))
    many = quantity(TEN + 0.1, image_noise=np.linspace(-0.2, 0.2, 1001))
    assert judged(few).verdict.item() == claims.UNDECIDED
    assert judged(few).seeds_needed.item() == math.inf
    assert judged(many).verdict.item() == claims.SUPPORTED
    assert (judged(few).high - judged(few).low).item() > 3 > (judged(many).high - judged(many).low).item()
    assert judged(many).p.item() == judged(quantity(TEN + 0.1)).p.item()  # never below that of the seeds alone


@pytest.mark.parametrize("alike", [False, True])
def test_the_deciding_quantities_on_test_images_know_their_noise(alike):
    """Where each run errs on images of its own, chance of single runs is most of what other images would change."""
    study = make_results(10)
    if alike:
        predictions = study["predictions"]
        of_first = predictions.groupby(["model", "supervision", "image"]).prediction.transform("first")
        study["predictions"] = predictions.assign(prediction=of_first)
    table = table_of(study).set_index("quantity")
    widths = table.high - table.low
    here = "the same, for other seeds on these test images"
    wider = widths["test accuracy, last epoch"] / widths[here]
    assert wider > 1.3 if alike else 1 < wider < 1.2  # 90 images
    assert table.effect["test accuracy, last epoch"] == pytest.approx(table.effect[here])


def test_a_class_that_gains_as_all_do_gains_no_share():
    table = table_of(make_results(10, images=900)).query("claim == '5'")
    assert table.verdict.iloc[0] == claims.SUPPORTED
    share = table[table.quantity.str.startswith("share of class coat (1)")].iloc[0]
    assert share.p > 0.05
    assert share.low < 0 < share.high


def test_both_scatters_of_the_loss_are_shown_and_that_of_the_curve_decides():
    study = make_results(10)
    steps = study["steps"].copy()
    student = steps.supervision != "labels"
    # Three times the scatter about ten times the mean.
    steps.loc[student, "hard_loss"] = 10 + 3 * (steps.hard_loss[student] - 1)
    table = table_of(study | {"steps": steps}).query("claim == '2a'").set_index("quantity")
    absolute, relative = table.iloc[0], table.iloc[1]
    assert absolute.decides
    assert not relative.decides
    assert absolute.verdict == claims.SUPPORTED
    assert relative.effect < 0
    assert relative.name == f"{absolute.name}, relative to their mean"


@pytest.mark.parametrize(("supervision", "unit"), [("big_T2_w0.1", "nats"), ("big_T2_w0.1_by-dist", "of the loss")])
def test_of_any_loss_the_hard_losses_are_compared(supervision, unit):
    """The scatter of a soft loss depends on how it is written; it stands beside."""
    study = {
        name: table.replace({"supervision": {"big_T2_w0.1": supervision}}) for name, table in make_results(10).items()
    }
    table = table_of(study).query("claim == '2a'").set_index("quantity")
    first = table.iloc[0]
    assert (first.name, first.unit, first.decides) == (
        "scatter of the batches' hard losses in the last 4 epochs",
        "nats",
        True,
    )
    steps = study["steps"].query("epoch >= 2 and seed < 10")  # the baseline has a seed more
    for side, of_side in (("student", supervision), ("baseline", "labels")):
        own = steps[(steps.model == "small") & (steps.supervision == of_side)]
        assert first[side] == pytest.approx(own.groupby("seed").hard_loss.apply(line_scatter).mean())
    assert table.decides.sum() == 1
    for name in ("the epochs' mean losses as trained on over", "the batches' losses as trained on in"):
        assert table.unit[f"scatter of {name} the last 4 epochs"] == unit
    assert table.unit[table.index.str.startswith("soft loss (")].tolist() == [unit]


def line_scatter(losses: pd.Series) -> float:
    x = np.arange(len(losses))
    return np.sqrt(((losses - np.polyval(np.polyfit(x, losses, 1), x)) ** 2).sum() / (len(x) - 2))


def test_a_share_of_the_lead_has_an_interval():
    row = table_of(make_results(10)).query("unit == '%' and claim == '3c'").iloc[0]
    assert row.low < row.effect < row.high


@pytest.mark.parametrize(
    ("lead", "claimed", "tested"), [(0.9, "above", True), (-0.9, "below", True), (0.001, "above", False)]
)
def test_near_the_teacher_is_its_side_of_the_middle_where_there_is_a_lead(lead, claimed, tested):
    """Where the lead may be chance, so may the side, however far from the middle the student is."""
    study = make_results(10)
    runs = study["runs"].set_index("seed")
    baseline = runs[(runs.model == "small") & (runs.supervision == "labels")].last_test_accuracy
    teacher = (runs.model == "big") & (runs.supervision == "labels")
    seeds = runs.index[teacher]
    noise = np.where(seeds % 2, 0.02, -0.02)
    runs.loc[teacher, "last_test_accuracy"] = (baseline[seeds] + lead + noise).to_numpy()
    study["runs"] = runs.reset_index()
    row = deciding(table_of(study)).loc["3c"]
    assert row.claimed == claimed
    in_the_way = row.verdict == claims.UNDECIDED and math.isnan(row.seeds_needed)
    assert in_the_way != tested


def test_an_ensemble_that_teaches_has_no_spread_to_judge_its_errors_by():
    study = make_results(10)
    for name in ("runs", "predictions", "class_errors", "epochs", "steps"):
        table = study[name]
        kept = table[(table.model != "big") | (table.seed == 0)]
        study[name] = kept.assign(seed=kept.seed.where(kept.model != "big", ALL_SEEDS))
    table = deciding(table_of(study))
    assert table.verdict["4"] == claims.UNDECIDED
    assert math.isnan(table.effect["4"])
    assert table.remark["4"] == "needs two seeds of both nets"
    assert table.effect.drop("4").notna().all()
    assert claims.shown_rows(table.reset_index()).verdict.str.contains("at 0 seed").sum() == 0


def test_of_a_net_that_teaches_itself_nothing_is_said_of_teacher_and_baseline():
    study = make_results(10)
    arms = study["arms"]
    teaches = (arms.role == "teacher") & (arms.experiment == "x")
    study["arms"] = arms.assign(model=arms.model.where(~teaches, "small"))
    of_both = deciding(table_of(study)).loc[["3c", "4"]]
    assert of_both[["p", "low", "high"]].isna().all(axis=None)
    assert of_both.verdict.eq(claims.UNDECIDED).all()
    assert of_both.remark.eq("teacher and baseline are the same runs").all()


@pytest.mark.parametrize("seeds", [1, 2, 3])
@pytest.mark.parametrize("controls", [False, True])
def test_few_seeds_decide_nothing_and_break_nothing(seeds, controls):
    table = table_of(make_results(seeds, controls=controls))
    assert deciding(table).verdict.eq(claims.UNDECIDED).all()
    assert table.low.isna().all() == (seeds == 1)
    assert deciding(table).effect.drop("4").notna().all()
    assert deciding(table).effect.isna()["4"] == (seeds < 2)
    shown = claims.shown_rows(table)
    told = shown[table.decides].set_index("claim").verdict
    assert told.pop("4") == (
        "not measured: needs two seeds of both nets" if seeds < 2 else f"undecided at {seeds} seeds"
    )
    assert told.str.startswith(f"undecided at {seeds} seed").all()
    assert not claims.readable_claims(table).astype(str).apply(lambda column: column.str.contains("nan")).any(axis=None)


def test_a_short_training_has_no_stability():
    table = deciding(table_of(make_results(3, epochs=2)))
    for claim in ("2a", "2b"):
        assert math.isnan(table.effect[claim])
        assert math.isnan(table.seeds_needed[claim])
    assert table.effect.drop(["2a", "2b"]).notna().all()
    shown = claims.shown_rows(table.reset_index()).set_index("claim").verdict
    assert shown[["2a", "2b"]].tolist() == ["not measured: needs more than 4 epochs", "not measured: needs 4 epochs"]


def test_one_epoch_has_no_curve():
    table = table_of(make_results(3, epochs=1))
    told = claims.shown_rows(table)[table.decides].set_index("claim").verdict
    assert told["1"] == "not measured: needs two epochs"


@pytest.mark.parametrize("longer", [0, 1])
def test_the_first_fall_of_the_losses_is_no_scatter(longer):
    row = deciding(table_of(make_results(2, epochs=SETTINGS["last_epochs"] + longer))).loc["2a"]
    assert math.isnan(row.effect) != bool(longer)
    assert row.remark == ("" if longer else f"needs more than {SETTINGS['last_epochs']} epochs")


def test_seeds_needed_count_the_images_noise_in():
    values, level = np.linspace(0, 0.36, 10), 0.05 / 9
    few, many = (
        claims.seeds_for_verdict(quantity(values, image_noise=np.random.default_rng(0).normal(0, sd, 2000)), 10, level)
        for sd in (0.001, 0.055)
    )
    assert few == claims.seeds_for_verdict(quantity(values), 10, level)
    assert 2 * few < many < math.inf


def test_constant_curves_and_runs_without_errors():
    study = make_results(3)
    study["epochs"] = study["epochs"].assign(validation_accuracy=0.9, hard_loss=0.0, loss=0.0, train_accuracy=0.9)
    study["steps"] = study["steps"].assign(loss=0.0, hard_loss=0.0)
    study["predictions"] = study["predictions"].assign(prediction=study["predictions"].label)
    study["class_errors"] = study["class_errors"].assign(errors=0)
    accuracies = [name for name in study["runs"] if name.endswith("accuracy") and "validation" not in name]
    study["runs"] = study["runs"].assign(**dict.fromkeys(accuracies, 1.0))
    table = table_of(study)
    told = claims.shown_rows(table)[table.decides].set_index("claim").verdict
    assert told["4"] == "not measured: needs errors of both nets, in two classes or more"
    assert told["6"] == "not measured: needs errors in every run"
    table = deciding(table)
    assert table.verdict.eq(claims.UNDECIDED).all()
    assert table.effect[["1", "2a", "2b", "3a", "3b", "3c", "5"]].eq(0).all()
    assert table.effect[["4", "6"]].isna().all()


def test_a_published_class_and_published_gains_stand_beside():
    figures = {"train_accuracy": 90.0, "test_accuracy": 90.0}
    published = {
        "teacher": figures | {"test_accuracy": 92.0},
        "baseline": figures,
        "student": figures | {"test_accuracy": 91.5, "train_accuracy": 90.5},
        "improved_class": 2,
    }
    table = deciding(table_of(make_results(), published))
    assert table.published["3a"] == pytest.approx(0.5)
    assert table.published["3b"] == pytest.approx(1.5)
    assert table.published["3c"] == pytest.approx(0.5)
    assert "shirt (2)" in table.quantity["5"]
    unpublished = deciding(table_of(make_results()))
    assert "coat (1)" in unpublished.quantity["5"]
    assert unpublished.published.isna().all()


@pytest.mark.parametrize(("accuracy", "known"), [(99.9, False), (10, True)])
def test_times_to_an_accuracy_that_no_run_reaches_are_bounds_without_effect(accuracy, known):
    table = table_of(make_results(3, epochs=6), validation_accuracies=[accuracy])
    times = table[table.quantity.str.contains(f"to {accuracy} % validation")]
    assert len(times) == 3
    assert times.effect.notna().all() == times.p.notna().all() == known
    assert times.effect.notna().any() == times.p.notna().any() == known
    assert times.student.notna().all()
    assert times.iloc[0].remark.endswith("and 3 of 3 runs" if known else "and 0 of 3 runs")
    assert times.iloc[1].remark == times.iloc[2].remark == ("" if known else times.iloc[0].remark)


def test_without_scores_on_test_by_epoch_that_protocol_is_left_out():
    study = make_results()
    scored = table_of(study)
    unscored = table_of(study | {"runs": study["runs"].assign(best_on_test_accuracy=np.nan)})
    assert len(scored) == len(unscored) + 1


# How it is shown


def test_the_page_tells_how_the_nets_were_trained():
    recipe = {"epochs": 2, "learning_rate": 0.1, "flip": False, "shift": 0}

    def told(one_run: bool = False, **changes: float | str) -> str:
        recipes = {"baseline and student": recipe | {"taught_by": None} | changes, "teacher": None}
        experiment = {"name": "x", "student": "student", "temperatures": 1, "published": False, "rows": []}
        page = rendering.claims_page(
            study="s", dataset="d", validation=10, rule=SETTINGS, least_p=["1"], seeds=[1],
            experiments=[experiment | {"recipes": recipes, "taught_by_one_run": one_run}],
        )  # fmt: skip
        return " ".join(page.split())

    assert "0.1, neither flipped nor shifted; teacher not trained here." in told()
    assert "no flips and shifts of up to 1 pixel, random erasing, MixUp; teacher" in told(shift=1, erase=0.5, mixup=0.2)
    assert "nor shifted, taught by big; teacher" in told(taught_by="big")
    assert "Several experiments" not in told()
    assert "A teacher that is a single run" not in told()
    assert "does not cover another teacher. Here that is so in x." in told(one_run=True)


def test_numbers_have_signs_where_they_are_differences():
    shown = claims.shown_rows(table_of(make_results())).set_index("quantity")
    assert shown.effect_text["test accuracy, last epoch"].startswith("+")
    assert not shown.effect_text["probability that a student beats a baseline on test"].startswith("+")


def test_a_drawing_has_the_effect_on_its_side_of_the_line():
    drawing = rendering.interval_drawing(1.0, -1.0, 3.0, 0.0, "above")
    assert 'cx="78.0"' in drawing  # a third of the half width, which is 54, right of the middle at 60
    assert "M42.0 7H114.0" in drawing
    assert 'x="60" width="60"' in drawing
    assert rendering.interval_drawing(3.5, 1.5, 5.5, 2.5, "above") == drawing  # about any reference
    assert 'x="60" width="60"' not in rendering.interval_drawing(1.0, -1.0, 3.0, 0.0, "below")
    assert rendering.interval_drawing(math.nan, math.nan, math.nan, 0.0, "above") == ""
    assert "7H" not in rendering.interval_drawing(0.0, math.nan, math.nan, 0.0, "")  # one seed: a point
