"""Whether distillation gives more under one experiment's conditions than under another's."""

import pandas as pd

from dark_knowledge.analysis.accuracy import COLUMNS as ACCURACIES
from dark_knowledge.analysis.formats import show_difference, show_p
from dark_knowledge.analysis.results import Results, arm_of, by_seed
from dark_knowledge.analysis.statistics import Interval, mean_interval, sign_flip_p

MEASURES = ("last_test_accuracy", "best_on_test_accuracy")

COLUMNS = [
    *("experiment", "first", "accuracy", "n"),
    *(f"{name}{end}" for name in ("gain", "first_gain", "change", "labels") for end in ("", "_low", "_high")),
    "p",
]


def gain_table(results: Results) -> pd.DataFrame:
    """A row per experiment but the first, and accuracy: its gain beside that of the first, in percentage points.

    `gain` and `first_gain` are student minus baseline, `change` the one minus the other, `labels` the experiment's
    baseline minus the first's: what its conditions give without a teacher. All with their t interval over the n seeds
    that the four arms share; no row where they share none or an accuracy was not measured.
    """
    rows = []
    for accuracy in MEASURES:
        first, *others = (_accuracies(results, experiment, accuracy) for experiment in results.experiments)
        for experiment, other in zip(results.experiments[1:], others, strict=True):
            four = first.add_suffix("_first").join(other, how="inner").dropna()
            if four.empty:
                continue
            gain, of_first = four.student - four.baseline, four.student_first - four.baseline_first
            rows.append(
                {"experiment": experiment, "first": results.experiments[0], "accuracy": accuracy, "n": len(four)}
                | mean_interval(gain).columns("gain")
                | mean_interval(of_first).columns("first_gain")
                | mean_interval(gain - of_first).columns("change")
                | mean_interval(four.baseline - four.baseline_first).columns("labels")
                | {"p": sign_flip_p(gain - of_first)}
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def gain_as_published(results: Results, experiment: str) -> Interval | None:
    """The gain as the note reads it off its curves, at each run's best epoch on test; None where none was scored."""
    own = _accuracies(results, experiment, "best_on_test_accuracy").dropna()
    return None if own.empty else mean_interval(own.student - own.baseline)


def _accuracies(results: Results, experiment: str, accuracy: str) -> pd.DataFrame:
    """Accuracy of an experiment's baseline and student by seed, in percent."""
    arms = results.compared(experiment)
    runs = {role: 100 * by_seed(results["runs"], arm_of(arms, role), accuracy) for role in ("baseline", "student")}
    return pd.DataFrame(runs)


def readable_gains(table: pd.DataFrame) -> pd.DataFrame:
    """The table for readers."""
    rows = list(table.itertuples())
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "beside": table["first"],
            "accuracy": [ACCURACIES[row.accuracy] for row in rows],
            "gain": [show_difference(row.gain, row.gain_high) for row in rows],
            "gain of the other": [show_difference(row.first_gain, row.first_gain_high) for row in rows],
            "difference of the gains": [show_difference(row.change, row.change_high) for row in rows],
            "p": [show_p(row.p) for row in rows],
            "difference of the baselines": [show_difference(row.labels, row.labels_high) for row in rows],
            "n": table.n,
        }
    )
