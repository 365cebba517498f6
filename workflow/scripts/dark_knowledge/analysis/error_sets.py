"""Which test images the errors are: how similar the arms' sets of them are, and which ones distillation changes.

Tidy tables first, then what a person reads, all after the last epoch.
"""

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from dark_knowledge.analysis.class_errors import class_error_counts
from dark_knowledge.analysis.formats import show_difference, show_interval, show_p
from dark_knowledge.analysis.measures import jensen_shannon, kappa_matrix
from dark_knowledge.analysis.results import ExperimentArm, Results, arm_of, beside, rows_of
from dark_knowledge.analysis.statistics import beyond_same_net, mcnemar, mean_interval, sign_flip_p
from dark_knowledge.study.arms import ALL_SEEDS


def wrong_images(predictions: pd.DataFrame, arm: ExperimentArm) -> pd.DataFrame:
    """Which test images an arm's runs get wrong after the last epoch: bool, a row per seed, a column per image."""
    own = rows_of(predictions, arm)
    return own.assign(wrong=own.label != own.prediction).pivot(index="seed", columns="image", values="wrong")


def similarity(
    predictions: pd.DataFrame, class_errors: pd.DataFrame, a: ExperimentArm, b: ExperimentArm
) -> dict[str, np.ndarray]:
    """Similarity of two arms' errors, by measure: [3, n, n] of a's runs to b's, a's to a's and b's to b's.

    Rows and columns are the n seeds that both arms have. Measures: Jensen-Shannon distance and
    correlation of the errors per class, kappa of the sets of wrong images. NaN where errors define none: for
    correlation of fewer than three classes, and between arms without a common seed, such as an ensemble and others.
    """
    counts = _stacked(class_error_counts(class_errors, a), class_error_counts(class_errors, b))
    if not len(counts):
        return dict.fromkeys(("distance", "correlation", "kappa"), np.full((3, 1, 1), np.nan))
    wrong = _stacked(wrong_images(predictions, a), wrong_images(predictions, b))
    distance = np.array([[jensen_shannon(p, q) for q in counts] for p in counts])
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.corrcoef(counts) if counts.shape[1] > 2 else np.full((len(counts),) * 2, np.nan)
    measures = {
        "distance": distance,
        "correlation": correlation,
        "kappa": kappa_matrix(wrong),
    }
    n = len(counts) // 2
    return {name: np.array([matrix[:n, n:], matrix[:n, :n], matrix[n:, n:]]) for name, matrix in measures.items()}


def _stacked(a: pd.DataFrame, b: pd.DataFrame) -> np.ndarray:
    """The rows of `a`, then those of `b`, of the seeds that both have."""
    return np.concatenate(a.align(b, join="inner", axis=0)).astype(float)


def different_seeds_mean(matrix: np.ndarray) -> float:
    """Mean of a matrix [n, n] without its diagonal; NaN for one seed."""
    n = len(matrix)
    return matrix[~np.eye(n, dtype=bool)].mean() if n > 1 else np.nan


def similarity_table(results: Results) -> pd.DataFrame:
    """A row per experiment and pair of arms, an arm with itself included: similarity of errors over different seeds."""
    rows = []
    for experiment in results.experiments:
        for a, b in combinations_with_replacement(results.compared(experiment), 2):
            measured = similarity(results["predictions"], results["class_errors"], a, b)
            means = {name: different_seeds_mean(between) for name, (between, *_) in measured.items()}
            kappas = beyond_same_net(*measured["kappa"])
            excess = mean_interval(kappas if a != b else np.full_like(kappas, np.nan))
            rows.append(
                {"experiment": experiment, "arm": a.arm, "other": b.arm, "n": excess.n}
                | {name: means[name] for name in ("distance", "correlation", "kappa")}
                | {"kappa_excess": excess.mean, "low": excess.low, "high": excess.high}
                | {"p": sign_flip_p(kappas) if a != b else np.nan}
            )
    return pd.DataFrame(rows)


def readable_similarity(table: pd.DataFrame) -> pd.DataFrame:
    """The similarity table for readers."""
    null = table.arm == table.other
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": table.arm,
            "and": table.other.where(~null, "the same, another seed"),
            "n": table.n,
            "distance": [_shown(value, 3) for value in table.distance],
            "correlation": [_shown(value, 3) for value in table.correlation],
            "kappa": [_shown(value, 3) for value in table.kappa],
            "kappa, excess": [show_difference(row.kappa_excess, row.high, 3) for row in table.itertuples()],
            "p": table.p.map(show_p),
        }
    )


def _shown(value: float, digits: int) -> str:
    return show_interval(value, np.nan, digits)


def outcome_table(results: Results) -> pd.DataFrame:
    """A row per experiment and outcome: how many test images it befalls, mean and t interval over the n seeds."""
    rows = []
    for experiment in results.experiments:
        compared = results.compared(experiment)
        three = [arm_of(compared, role) for role in ("teacher", "baseline", "student")]
        wrong = common_wrong(results["predictions"], *three)
        for outcome, counts in _outcomes(*wrong):
            mean, low, high, _ = mean_interval(counts)
            rows.append(
                {"experiment": experiment, "outcome": outcome, "n": len(wrong[0])}
                | {"images": mean, "low": low, "high": high}
            )
    return pd.DataFrame(rows)


def common_wrong(predictions: pd.DataFrame, *arms: ExperimentArm) -> list[np.ndarray]:
    """Wrong images of each arm, bool [seeds, images], over the seeds that all arms have; an ensemble has each."""
    frames = [wrong_images(predictions, arm) for arm in arms]
    trained = [set(frame.index) for frame in frames if list(frame.index) != [ALL_SEEDS]]
    seeds = pd.Index(sorted(set.intersection(*trained)))
    return [beside(frame, seeds).loc[seeds].to_numpy(bool) for frame in frames]


def _outcomes(teacher: np.ndarray, baseline: np.ndarray, student: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    repaired, broken = baseline & ~student, ~baseline & student
    yield "wrong in teacher, baseline and student", (teacher & baseline & student).sum(axis=1)
    yield "repaired by distillation", repaired.sum(axis=1)
    yield "repaired, and the teacher is right", (repaired & ~teacher).sum(axis=1)
    yield "broken by distillation", broken.sum(axis=1)
    yield "broken, and the teacher is wrong", (broken & teacher).sum(axis=1)
    yield "wrong for the teacher alone", (teacher & ~baseline & ~student).sum(axis=1)
    # Each run against all others; the runs in such a mean overlap, so it has no interval.
    for outcome, wrong, right in (
        ("different seeds: repaired", baseline, student),
        ("different seeds: broken", student, baseline),
        ("different seeds: wrong in one run of the baseline, right in another", baseline, baseline),
    ):
        yield outcome, [different_seeds_mean(wrong.astype(float) @ (1 - right.astype(float)).T)]


def readable_outcomes(table: pd.DataFrame) -> pd.DataFrame:
    """The outcomes for readers."""
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "outcome": table.outcome,
            "images": [show_interval(row.images, row.high, 1) for row in table.itertuples()],
            "n": table.n,
        }
    )


def mcnemar_table(results: Results) -> pd.DataFrame:
    """A row per experiment and seed: images that only the baseline or only the student gets wrong, and McNemar's p."""
    rows = []
    for experiment in results.experiments:
        compared = results.compared(experiment)
        baseline, student = (
            wrong_images(results["predictions"], arm_of(compared, role)) for role in ("baseline", "student")
        )
        for seed in baseline.index.intersection(student.index):
            test = mcnemar(baseline.loc[seed], student.loc[seed])
            rows.append(
                {"experiment": experiment, "seed": seed, "only_baseline": test.only_a, "only_student": test.only_b}
                | {"exact_p": test.exact_p, "mid_p": test.mid_p}
            )
    return pd.DataFrame(rows)


def readable_mcnemar(table: pd.DataFrame) -> pd.DataFrame:
    """McNemar's tests for readers."""
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "seed": table.seed,
            "wrong for the baseline only": table.only_baseline,
            "wrong for the student only": table.only_student,
            "p, exact": table.exact_p.map(show_p),
            "p, mid-p": table.mid_p.map(show_p),
        }
    )
