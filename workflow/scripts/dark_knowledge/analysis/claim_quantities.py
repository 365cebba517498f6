"""What measures the note's claims: for each, the quantity that decides it, and others that stand beside it.

A quantity is a number per seed, mostly student minus baseline, whose mean is the effect. Which one decides is written
here, and so before any run that can.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dark_knowledge.analysis.accuracy import gap_recovered
from dark_knowledge.analysis.class_errors import class_error_counts, class_quantities, hardest_class
from dark_knowledge.analysis.convergence import time_to
from dark_knowledge.analysis.error_sets import common_wrong, different_seeds_mean, likeness
from dark_knowledge.analysis.formats import class_label
from dark_knowledge.analysis.measures import area_under_curve, gini, normalised_entropy, stability
from dark_knowledge.analysis.results import beside, by_seed, difference, rows_of
from dark_knowledge.analysis.statistics import (
    Interval,
    beyond_same_net,
    holm,
    mean_interval,
    pitman_morgan_p,
    probability_of_superiority,
    sign_flip_p,
    two_way_interval,
)


@dataclass(frozen=True)
class Evidence:
    """One experiment: its three arms, the collected tables, what was published, and the config's `claims`."""

    teacher: tuple
    baseline: tuple
    student: tuple
    runs: pd.DataFrame
    epochs: pd.DataFrame
    steps: pd.DataFrame
    predictions: pd.DataFrame
    class_errors: pd.DataFrame
    classes: list[str]
    published: dict
    settings: dict

    def lead(self, of: str, over: str, column: str = "test_accuracy") -> float:
        """The published difference between two roles, NaN where either is not published."""
        return self.published.get(of, {}).get(column, np.nan) - self.published.get(over, {}).get(column, np.nan)


@dataclass(frozen=True)
class Quantity:
    """What speaks for or against a claim.

    `values` [n] are one a seed. `sign` is +1 where the claim says that their mean lies above `reference`, -1 below, 0
    where it says nothing. `interval` and `p` stand in for those of `values` where they are others. `baseline` and
    `student` are means of the two sides; `is_difference` is false for a number that is not one side less another.
    """

    claim: str
    name: str
    unit: str
    values: np.ndarray
    sign: int = 0
    decides: bool = False
    reference: float = 0.0
    baseline: float = np.nan
    student: float = np.nan
    published: float = np.nan
    interval: Interval | None = None
    p: float | None = None
    is_difference: bool = True
    digits: int = 2
    remark: str = ""


def quantities(evidence: Evidence) -> list[Quantity]:
    """All quantities of one experiment, in the claims' order."""
    parts = (
        convergence,
        loss_stability,
        accuracy_stability,
        fit,
        generalisation,
        nearness,
        alikeness,
        hardest,
        evenness,
    )
    return [quantity for part in parts for quantity in part(evidence)]


def _compare(claim: str, name: str, unit: str, student: pd.Series, baseline: pd.Series, **more) -> Quantity:
    """Student minus baseline, each a number per seed."""
    values = difference(student, baseline)
    return Quantity(claim, name, unit, values, baseline=baseline.mean(), student=student.mean(), **more)


def _per_run(table: pd.DataFrame, arm: tuple, column: str, measure: Callable[[np.ndarray], float]) -> pd.Series:
    """A measure of one column of each of an arm's runs, by seed; `table` has rows by epoch or step."""
    own = rows_of(table, arm).sort_values(["seed", "step" if "step" in table else "epoch"])
    return own.groupby("seed")[column].agg(lambda values: measure(values.to_numpy()))


def convergence(e: Evidence) -> Iterator[Quantity]:
    def area(accuracy: np.ndarray) -> float:
        return 100 * area_under_curve(1 - accuracy)

    def area_above_end(accuracy: np.ndarray) -> float:
        return area(accuracy) - 100 * (1 - accuracy[-1])

    for measure, name in (
        (area, "validation error, mean over the training"),
        (area_above_end, "the same, above the run's own last error"),
    ):
        student, baseline = (_per_run(e.epochs, arm, "validation_accuracy", measure) for arm in (e.student, e.baseline))
        yield _compare("1", name, "points", student, baseline, sign=-1, decides=measure is area)
    for accuracy in e.settings["validation_accuracies"]:
        student, baseline = (time_to(e.epochs, e.runs, arm, accuracy / 100) for arm in (e.student, e.baseline))
        remark = (
            f"in steps {baseline.steps.mean():.0f} and {student.steps.mean():.0f}; reached by {baseline.reached.sum()} "
            f"of {len(baseline)} and {student.reached.sum()} of {len(student)} runs"
        )
        for column, name, unit, digits in (
            ("epochs", "epochs", "epochs", 1),
            ("seconds", "seconds", "s", 0),
            ("seconds_with_teacher", "seconds, teacher and its logits included,", "s", 0),
        ):
            yield _compare(
                "1", f"{name} to {accuracy:g} % validation accuracy", unit, student[column], baseline[column],
                sign=-1, digits=digits, remark=remark if column == "epochs" else "",
            )  # fmt: skip


def loss_stability(e: Evidence) -> Iterator[Quantity]:
    last = e.settings["last_epochs"]

    def scatter(losses: np.ndarray) -> float:
        return _relative(stability(losses, len(losses)).sd, losses)

    def epoch_scatter(losses: np.ndarray) -> float:
        return _relative(stability(losses, last).sd, losses[-last:])

    student, baseline = (_per_run(_late_steps(e, arm, last), arm, "loss", scatter) for arm in (e.student, e.baseline))
    yield _compare(
        "2a", f"scatter of the batches' losses in the last {last} epochs, relative to their mean", "%", student,
        baseline, sign=1, decides=True, digits=1,
    )  # fmt: skip
    for column, name in (("loss", "epochs' mean losses"), ("hard_loss", "epochs' mean hard losses")):
        student, baseline = (_per_run(e.epochs, arm, column, epoch_scatter) for arm in (e.student, e.baseline))
        yield _compare(
            "2a", f"scatter of the {name} over the last {last} epochs, relative to their mean", "%", student, baseline,
            sign=1, remark="about a straight line, so a bend of the curve counts as scatter",
        )  # fmt: skip
    student, baseline = (_per_run(e.epochs, arm, "hard_loss", _end) for arm in (e.student, e.baseline))
    yield _compare("2a", "hard loss in the last epoch, while learning", "nats", student, baseline, sign=1, digits=3)
    soft = _per_run(e.epochs, e.student, "soft_loss", _end)
    yield Quantity(
        "2a", "soft loss (T² times KL divergence) in the last epoch", "nats", soft.to_numpy(), student=soft.mean(),
        p=np.nan, is_difference=False, digits=3, remark="the baseline has none",
    )  # fmt: skip


def _relative(spread: float, values: np.ndarray) -> float:
    """Spread in percent of the mean; NaN where that is 0."""
    return 100 * spread / values.mean() if values.mean() else np.nan


def _late_steps(e: Evidence, arm: tuple, last: int) -> pd.DataFrame:
    """The logged steps of an arm's last epochs, or of all it has."""
    epochs = rows_of(e.epochs, arm).epoch.nunique()
    steps = rows_of(e.steps, arm)
    return steps[steps.epoch >= epochs - last]


def _end(values: np.ndarray) -> float:
    return values[-1]


def accuracy_stability(e: Evidence) -> Iterator[Quantity]:
    last = e.settings["last_epochs"]
    for measure, name in (("sd", "scatter"), ("mean_change", "mean change from epoch to epoch")):
        student, baseline = (
            _per_run(
                e.epochs, arm, "validation_accuracy", lambda a, part=measure: 100 * getattr(stability(a, last), part)
            )
            for arm in (e.student, e.baseline)
        )
        yield _compare(
            "2b", f"{name} of validation accuracy over the last {last} epochs", "points", student, baseline,
            sign=-1, decides=measure == "sd", remark=f"needs {last} epochs",
        )  # fmt: skip
    student, baseline = (100 * by_seed(e.runs, arm, "last_validation_accuracy") for arm in (e.student, e.baseline))
    values = difference(student, baseline)
    spread = [side.std() for side in (student, baseline)]  # NaN for one seed
    yield Quantity(
        "2b", "spread of the last validation accuracy over the seeds (standard deviation)", "points", values, -1,
        baseline=spread[1], student=spread[0], interval=Interval(spread[0] - spread[1], np.nan, np.nan, len(values)),
        p=pitman_morgan_p(*student.align(baseline, join="inner")), remark="p of the Pitman-Morgan test",
    )  # fmt: skip


def fit(e: Evidence) -> Iterator[Quantity]:
    published = e.lead("student", "baseline", "train_accuracy")
    student, baseline = (100 * by_seed(e.runs, arm, "last_train_accuracy") for arm in (e.student, e.baseline))
    yield _compare(
        "3a", "training accuracy, last epoch, in evaluation mode without augmentation", "points", student, baseline,
        sign=1, decides=True, published=published,
    )  # fmt: skip
    student, baseline = (100 * _per_run(e.epochs, arm, "train_accuracy", _end) for arm in (e.student, e.baseline))
    yield _compare(
        "3a", "training accuracy while learning, last epoch", "points", student, baseline,
        sign=1, published=published,
    )  # fmt: skip


def generalisation(e: Evidence) -> Iterator[Quantity]:
    def compare(column: str, name: str, unit: str = "points", factor: float = 100, sign: int = 1, **more) -> Quantity:
        student, baseline = (factor * by_seed(e.runs, arm, column) for arm in (e.student, e.baseline))
        return _compare("3b", name, unit, student, baseline, sign=sign, **more)

    published = e.lead("student", "baseline")
    test = compare("last_test_accuracy", "test accuracy, last epoch", decides=True, published=published)
    yield test
    wrong_baseline, wrong_student = common_wrong(e.predictions, e.baseline, e.student)
    mean, low, high, n = two_way_interval(~wrong_student, ~wrong_baseline)
    yield Quantity(
        "3b", "the same, for other seeds and other test images", "points", test.values, 1, p=np.nan,
        interval=Interval(100 * mean, 100 * low, 100 * high, n), baseline=test.baseline, student=test.student,
        remark="interval of an analysis of variance with seeds and images both random",
    )  # fmt: skip
    yield compare("selected_test_accuracy", "test accuracy at the epoch that validation selects")
    if all(rows_of(e.runs, arm).best_on_test_accuracy.notna().all() for arm in (e.student, e.baseline)):
        yield compare(
            "best_on_test_accuracy", "test accuracy at the best epoch on test, as published", published=published,
            remark="the test set picks the epoch, so this decides nothing",
        )  # fmt: skip
    superiority = probability_of_superiority(
        *(by_seed(e.runs, arm, "last_test_accuracy") for arm in (e.student, e.baseline))
    )
    yield Quantity(
        "3b", "probability that a student beats a baseline on test", "", test.values, 1, reference=0.5, p=np.nan,
        interval=Interval(superiority, np.nan, np.nan, len(test.values)), is_difference=False,
        remark="over all pairs of their runs",
    )  # fmt: skip
    yield compare("test_nll", "negative log likelihood on test", "nats", 1, -1, digits=4)
    yield compare("test_ece", "expected calibration error on test", sign=-1)
    gaps = [
        100 * (by_seed(e.runs, arm, "last_train_accuracy") - by_seed(e.runs, arm, "last_test_accuracy"))
        for arm in (e.student, e.baseline)
    ]
    yield _compare("3b", "generalisation gap (training less test accuracy)", "points", *gaps, sign=-1)


def nearness(e: Evidence) -> Iterator[Quantity]:
    teacher, baseline, student = (
        100 * by_seed(e.runs, arm, "last_test_accuracy") for arm in (e.teacher, e.baseline, e.student)
    )
    teacher = beside(teacher, baseline.index)
    gain, lead = e.lead("student", "baseline"), e.lead("teacher", "baseline")
    values = difference(student, (teacher + baseline).dropna() / 2)
    yield Quantity(
        "3c", "test accuracy, student less the middle of teacher and baseline", "points", values, 1, decides=True,
        baseline=baseline.mean(), student=student.mean(), published=gain - lead / 2,
    )  # fmt: skip
    yield Quantity(
        "3c", "test accuracy, student less teacher", "points", difference(student, teacher), student=student.mean(),
        published=gain - lead,
    )  # fmt: skip
    gained = (student - baseline).dropna()
    share = gap_recovered(gained.mean(), mean_interval(difference(teacher, baseline[gained.index])))
    published = 100 * gain / lead if lead else np.nan
    yield Quantity(
        "3c", "share of the teacher's lead over the baseline that the student has", "%", values, p=np.nan, digits=0,
        interval=Interval(share, np.nan, np.nan, len(values)), is_difference=False, published=published,
        remark="a ratio of means, where the teacher's lead is above zero; its test is that of the row that decides",
    )  # fmt: skip


def alikeness(e: Evidence) -> Iterator[Quantity]:
    margin = 1000 * e.settings["alike"] ** 2
    alike = likeness(e.predictions, e.class_errors, e.teacher, e.baseline)
    for measure, name, unit, digits in (
        ("divergence", "squared Jensen-Shannon distance of the errors per class", "10⁻³ bits", 2),
        ("correlation", "correlation of the errors per class", "", 3),
        ("kappa", "Cohen's kappa of the sets of wrong images", "", 3),
    ):
        between, *within = (different_seeds_mean(matrix) for matrix in alike[measure])
        decides = measure == "divergence"
        yield Quantity(
            "4", name, unit, beyond_same_net(*alike[measure]), -1 if decides else 0, decides,
            reference=margin if decides else 0, baseline=np.mean(within), student=between, digits=digits,
            remark="between teacher and baseline, less between two seeds of one net; needs three seeds",
        )  # fmt: skip


def hardest(e: Evidence) -> Iterator[Quantity]:
    label = hardest_class(e.class_errors, e.baseline, e.published)
    name = class_label(e.classes[label], label)
    errors = [class_error_counts(e.class_errors, arm) for arm in (e.student, e.baseline)]
    source = "published" if "improved_class" in e.published else "most validation errors of the baseline"
    yield _compare(
        "5", f"test errors on class {name}", "errors", *(counts[label] for counts in errors),
        sign=-1, decides=True, digits=1, remark=f"class: {source}",
    )  # fmt: skip
    p = holm([sign_flip_p(difference(errors[0][other], errors[1][other])) for other in range(len(e.classes))])
    yield _compare(
        "5", "the same, tested together with all other classes", "errors", *(counts[label] for counts in errors),
        sign=-1, digits=1, p=p[label], remark="p adjusted by Holm over the classes",
    )  # fmt: skip
    student, baseline = (class_quantities(e.predictions, arm, label, e.classes) for arm in (e.student, e.baseline))
    for quantity, title in (("recall, %", "recall"), ("precision, %", "precision")):
        yield _compare("5", f"{title} of class {name}", "points", student[quantity], baseline[quantity], sign=1)
    for other in e.classes:
        for quantity, title in (
            (f"to {other}", f"{e.classes[label]} taken for {other}"),
            (f"from {other}", f"{other} taken for {e.classes[label]}"),
        ):
            if quantity in student and (student[quantity].any() or baseline[quantity].any()):
                yield _compare("5", title, "images", student[quantity], baseline[quantity], sign=-1, digits=1)


def evenness(e: Evidence) -> Iterator[Quantity]:
    def worst_share(counts: np.ndarray) -> float:
        return 100 * counts.max() / counts.sum() if counts.sum() else np.nan

    for measure, name, unit, sign, digits in (
        (gini, "Gini coefficient of the test errors per class", "", -1, 3),
        (normalised_entropy, "normalised entropy of the test errors per class", "", 1, 3),
        (worst_share, "share of the test errors in the class with most", "points", -1, 2),
    ):
        student, baseline = (
            class_error_counts(e.class_errors, arm).apply(lambda row, m=measure: m(row.to_numpy()), axis=1)
            for arm in (e.student, e.baseline)
        )
        yield _compare("6", name, unit, student, baseline, sign=sign, decides=measure is gini, digits=digits)
