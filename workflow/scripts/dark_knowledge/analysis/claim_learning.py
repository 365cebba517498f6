"""Claims about the training: how fast it converges, how stable it is, how well it fits (1, 2a, 2b, 3a)."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from dark_knowledge.analysis.claim_quantities import POINTS, Evidence, Quantity, compare, per_run
from dark_knowledge.analysis.convergence import time_to
from dark_knowledge.analysis.measures import area_under_curve, stability
from dark_knowledge.analysis.results import ExperimentArm, by_seed, difference, paired, rows_of
from dark_knowledge.analysis.statistics import Interval, pitman_morgan_p
from dark_knowledge.study.paths import loss_in


def convergence(e: Evidence) -> Iterator[Quantity]:
    def area(accuracy: np.ndarray) -> float:
        return 100 * area_under_curve(1 - accuracy)

    def area_above_end(accuracy: np.ndarray) -> float:
        return area(accuracy) - 100 * (1 - accuracy[-1])

    for measure, name in (
        (area, "validation error, mean over the training"),
        (area_above_end, "the same, above the run's own last error"),
    ):
        student, baseline = (per_run(e.epochs, arm, "validation_accuracy", measure) for arm in (e.student, e.baseline))
        yield compare(
            "1", name, POINTS, student, baseline, sign=-1, decides=measure is area,
            remark="needs two epochs" if student.isna().any() or baseline.isna().any() else "",
        )  # fmt: skip
    for accuracy in e.settings["validation_accuracies"]:
        student, baseline = paired(*(time_to(e.epochs, e.runs, arm, accuracy / 100) for arm in (e.student, e.baseline)))
        remark = (
            f"in steps {baseline.steps.mean():.0f} and {student.steps.mean():.0f}; reached by {baseline.reached.sum()} "
            f"of {len(baseline)} and {student.reached.sum()} of {len(student)} runs"
        )
        reached = student.reached.any() or baseline.reached.any()
        all_reached = student.reached.all() and baseline.reached.all()
        for column, name, unit, digits in (
            ("epochs", "epochs", "epochs", 1),
            ("seconds", "seconds", "s", 0),
            ("seconds_with_teacher", "seconds, teacher and its logits included,", "s", 0),
        ):
            time = compare(
                "1", f"{name} to {accuracy:g} % validation accuracy", unit, student[column], baseline[column],
                sign=-1, digits=digits, remark="" if all_reached and column != "epochs" else remark,
            )  # fmt: skip
            yield time if reached else replace(time, values=np.full(len(time.values), np.nan))


def loss_stability(e: Evidence) -> Iterator[Quantity]:
    """The note looked at loss curves, so the scatter of batches decides, of the cross-entropy that both arms have.

    A soft loss is another function, and how far it scatters depends on how it is written: a KL divergence lacks the
    teacher's entropy, which a cross-entropy holds.
    """
    last, other = e.settings["last_epochs"], loss_in(e.student.supervision)
    losses = {
        "hard_loss": ("hard losses", "nats"),
        "loss": ("losses as trained on", "of the loss" if other else "nats"),
    }
    batches = {arm: _late_steps(e, arm, last) for arm in (e.student, e.baseline)}
    for column, (of, unit) in losses.items():
        name = f"scatter of the batches' {of} in the last {last} epochs"
        yield from _scatters(e, name, unit, column, batches, None, decides=column == "hard_loss")
    epochs = dict.fromkeys((e.student, e.baseline), e.epochs)
    for column, (of, unit) in losses.items():
        name = f"scatter of the epochs' mean {of} over the last {last} epochs"
        yield from _scatters(e, name, unit, column, epochs, last, decides=False)
    student, baseline = (per_run(e.epochs, arm, "hard_loss", _end) for arm in (e.student, e.baseline))
    yield compare("2a", "hard loss in the last epoch, while learning", "nats", student, baseline, sign=1, digits=3)
    soft = per_run(e.epochs, e.student, "soft_loss", _end)
    name, unit = (other, "of the loss") if other else ("Hinton's: T² times KL divergence", "nats")
    yield Quantity(
        "2a", f"soft loss ({name}) in the last epoch", unit, soft.to_numpy(),
        student=soft.mean(), p=np.nan, is_difference=False, digits=3, remark="the baseline has none",
    )  # fmt: skip


def _scatters(
    e: Evidence, name: str, unit: str, column: str, tables: dict[ExperimentArm, pd.DataFrame], window: int | None, *,
    decides: bool,
) -> Iterator[Quantity]:  # fmt: skip
    """Scatter of a column of each arm's table, and relative to its mean; over the last `window` rows, or all."""
    student, baseline = (per_run(own, arm, column, partial(_scatter, window=window)) for arm, own in tables.items())
    remark = "about a straight line, so a bend of the curve counts as scatter" if window else ""
    if not window and (student.isna().any() or baseline.isna().any()):
        last = e.settings["last_epochs"]
        short = any(rows_of(e.epochs, arm).epoch.nunique() <= last for arm in tables)
        remark = f"needs more than {last} epochs" if short else "needs three logged steps in these epochs"
    yield compare("2a", name, unit, student, baseline, sign=1, decides=decides, digits=4, remark=remark)
    sides = (per_run(own, arm, column, partial(_relative_scatter, window=window)) for arm, own in tables.items())
    yield compare("2a", f"{name}, relative to their mean", "%", *sides, sign=1, digits=1, remark=remark)


def _scatter(losses: np.ndarray, window: int | None) -> float:
    """Of the last so many losses, or of all."""
    return stability(losses, window or len(losses)).sd


def _relative_scatter(losses: np.ndarray, window: int | None) -> float:
    """Scatter in percent of the mean; NaN where that is 0."""
    mean = losses[-(window or len(losses)) :].mean()
    return 100 * _scatter(losses, window) / mean if mean else np.nan


def _late_steps(e: Evidence, arm: ExperimentArm, last: int) -> pd.DataFrame:
    """The logged steps of an arm's last epochs. Where there are none, or no others, one alone, which has no scatter."""
    epochs = rows_of(e.epochs, arm).epoch.nunique()
    steps = rows_of(e.steps, arm)
    late = steps[steps.epoch >= epochs - last]
    return late if epochs > last and len(late) else steps.groupby("seed").head(1)


def _end(values: np.ndarray) -> float:
    return values[-1]


def accuracy_stability(e: Evidence) -> Iterator[Quantity]:
    last = e.settings["last_epochs"]
    for measure, name in (("sd", "scatter"), ("mean_change", "mean change from epoch to epoch")):
        student, baseline = (
            per_run(
                e.epochs, arm, "validation_accuracy", lambda a, part=measure: 100 * getattr(stability(a, last), part)
            )
            for arm in (e.student, e.baseline)
        )
        yield compare(
            "2b", f"{name} of validation accuracy over the last {last} epochs", POINTS, student, baseline,
            sign=-1, decides=measure == "sd", remark=f"needs {last} epochs",
        )  # fmt: skip
    student, baseline = paired(
        *(100 * by_seed(e.runs, arm, "last_validation_accuracy") for arm in (e.student, e.baseline))
    )
    values = difference(student, baseline)
    spread = [side.std() for side in (student, baseline)]  # NaN for one seed
    yield Quantity(
        "2b", "spread of the last validation accuracy over the seeds (standard deviation)", POINTS, values, -1,
        baseline=spread[1], student=spread[0], interval=Interval(spread[0] - spread[1], np.nan, np.nan, len(values)),
        p=pitman_morgan_p(student, baseline), remark="p of the Pitman-Morgan test",
    )  # fmt: skip


def fit(e: Evidence) -> Iterator[Quantity]:
    published = e.lead("student", "baseline", "train_accuracy")
    student, baseline = (100 * by_seed(e.runs, arm, "last_train_accuracy") for arm in (e.student, e.baseline))
    yield compare(
        "3a", "training accuracy, last epoch, in evaluation mode without augmentation", POINTS, student, baseline,
        sign=1, decides=True, published=published,
    )  # fmt: skip
    student, baseline = (100 * per_run(e.epochs, arm, "train_accuracy", _end) for arm in (e.student, e.baseline))
    yield compare(
        "3a", "training accuracy while learning, last epoch", POINTS, student, baseline,
        sign=1, published=published,
    )  # fmt: skip
