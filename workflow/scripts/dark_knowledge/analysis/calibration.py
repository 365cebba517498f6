"""How well probabilities fit (calibration) and how well a student copies its teacher (fidelity), per arm."""

import numpy as np
import pandas as pd

from dark_knowledge.analysis.formats import show_interval, starred
from dark_knowledge.analysis.results import Results, by_seed, rows_of
from dark_knowledge.analysis.statistics import mean_interval

MEASURES = {
    "last_test_accuracy": ("test accuracy, %", 100, 2),
    "test_nll": ("NLL", 1, 4),
    "test_ece": ("ECE", 100, 2),
    "agreement": ("agreement with teacher, %", 100, 2),
    "kl": ("KL from teacher", 1, 4),
}


def calibration_table(results: Results) -> pd.DataFrame:
    """A row per experiment and arm: accuracy, likelihood, calibration and similarity to the teacher, over seeds.

    Accuracy, `test_ece` and `agreement` are in percent.
    """
    rows, runs, fidelity = [], results["runs"], results["fidelity"]
    for experiment in results.experiments:
        of_experiment = fidelity[fidelity.experiment == experiment]
        for arm in results.arms(experiment):
            likeness = rows_of(of_experiment[of_experiment.arm == arm.arm], arm)
            own = rows_of(runs, arm)
            own = own[own.seed.isin(likeness.seed)]  # runs that another experiment shares may be more
            row = {"experiment": experiment, "arm": arm.arm, "chosen": arm.chosen, "n": len(own)}
            for measure, (_, factor, _) in MEASURES.items():
                source = own if measure in runs else likeness
                interval = mean_interval(factor * by_seed(source, arm, measure))
                if source is likeness and arm.role == "teacher":  # its pairs of runs overlap
                    interval = interval._replace(low=np.nan, high=np.nan)
                row |= interval.columns(measure)
            rows.append(row)
    return pd.DataFrame(rows)


def readable_calibration(table: pd.DataFrame) -> pd.DataFrame:
    """The table for readers."""
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": [starred(row.arm, row.chosen) for row in table.itertuples()],
            "n": table.n,
        }
        | {
            title: [
                show_interval(mean, high, digits)
                for mean, high in zip(table[measure], table[f"{measure}_high"], strict=True)
            ]
            for measure, (title, _, digits) in MEASURES.items()
        }
    )
