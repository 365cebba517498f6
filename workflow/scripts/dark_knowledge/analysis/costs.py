"""What accuracy costs: seconds and arithmetic of each arm, its teacher's share included."""

from typing import NamedTuple

import pandas as pd

from dark_knowledge.analysis.formats import NO_NUMBER, show_difference, show_interval, show_significant, starred
from dark_knowledge.analysis.results import (
    ExperimentArm,
    Results,
    arm_of,
    beside,
    by_seed,
    filed_under,
    members_of,
    paired,
    rows_of,
    teachers_of,
)
from dark_knowledge.analysis.statistics import mean_interval
from dark_knowledge.study.arms import NOT_HERE

FORWARD_AND_BACKWARD = 3


def run_costs(runs: pd.DataFrame, arm: ExperimentArm) -> pd.DataFrame:
    """What one arm's runs cost, a row per seed: seconds and multiply-adds of its own training, teacher, stored logits.

    Columns `<own|teacher|caching|total>_<seconds|multiply_adds>`, a teacher's with its own teacher's. What was not
    trained here costs nothing here: `elsewhere` is true where a training is left out. An ensemble costs what its
    members do.
    """
    own = rows_of(runs, arm).set_index("seed").sort_index()
    if (members := members_of(runs, arm)) is not None:
        # Its parameters are its members' together; of their arm there may be more runs, of another experiment's seeds.
        count = round(own.parameters.iloc[0] / rows_of(runs, members).parameters.iloc[0])
        of_all = run_costs(runs, members)
        costs = (count * of_all.drop(columns="elsewhere").mean()).to_frame(own.index[0]).T.rename_axis("seed")
        return costs.assign(elsewhere=of_all.elsewhere.any())
    costs = pd.DataFrame({"own_seconds": own.seconds, "own_multiply_adds": _training_multiply_adds(own)})
    costs = costs.fillna(0).assign(elsewhere=own.machine == NOT_HERE)
    if arm.teacher is None:
        costs = costs.assign(teacher_seconds=0.0, teacher_multiply_adds=0, caching_seconds=0.0, caching_multiply_adds=0)
    else:
        taught = teachers_of(runs, arm)
        teaching = beside(run_costs(runs, filed_under(runs, arm.teacher_key)), taught.index).loc[taught.index]
        costs["teacher_seconds"] = teaching.total_seconds
        costs["teacher_multiply_adds"] = teaching.total_multiply_adds
        costs["elsewhere"] |= teaching.elsewhere
        costs["caching_seconds"] = own.caching_seconds
        costs["caching_multiply_adds"] = (taught.multiply_adds * own.caching_images).fillna(0)
    for unit in ("seconds", "multiply_adds"):
        costs[f"total_{unit}"] = costs[[f"{part}_{unit}" for part in ("own", "teacher", "caching")]].sum(axis=1)
    return costs


def _training_multiply_adds(runs: pd.DataFrame) -> pd.Series:
    return FORWARD_AND_BACKWARD * runs.multiply_adds * runs.steps * runs.batch_size


def cost_table(results: Results) -> pd.DataFrame:
    """A row per experiment and arm: size, cost (means over seeds), accuracy, gain over the baseline, gain per cost."""
    rows, runs = [], results["runs"]
    for experiment in results.experiments:
        arms = results.arms(experiment)
        baseline = arm_of(arms, "baseline")
        reference = run_costs(runs, baseline).drop(columns="elsewhere")
        for arm in arms:
            own = rows_of(runs, arm)
            costs = run_costs(runs, arm)
            accuracy, accuracy_of_baseline = paired(
                *(100 * by_seed(runs, a, "last_test_accuracy") for a in (arm, baseline))
            )
            gain = mean_interval(accuracy - accuracy_of_baseline)
            own_cost, cost_of_baseline = paired(costs.drop(columns="elsewhere"), reference)
            extra = own_cost.mean() - cost_of_baseline.mean()
            if extra.total_multiply_adds <= 0 or costs.elsewhere.any():
                extra[:] = 0.0  # the seconds of equal trainings differ all the same; those of elsewhere are not known
            rows.append(
                {
                    "experiment": experiment,
                    "arm": arm.arm,
                    "role": arm.role,
                    "chosen": arm.chosen,
                    "n": min(gain.n, len(own)),
                }
                | own[["parameters", "multiply_adds", "epochs"]].iloc[0].to_dict()
                | costs.mean().to_dict()
                | {"elsewhere": bool(costs.elsewhere.any())}
                | mean_interval(accuracy).columns("accuracy")
                | gain.columns("gain")
                | {"gain_per_minute": _per(gain.mean, extra.total_seconds / 60)}
                | {"gain_per_tera": _per(gain.mean, extra.total_multiply_adds / 1e12)}
            )
    return pd.DataFrame(rows)


def _per(gain: float, extra: float) -> float:
    """Gain per unit of extra cost; NaN where nothing extra was paid."""
    return gain / extra if extra > 0 else float("nan")


def readable_costs(table: pd.DataFrame) -> pd.DataFrame:
    """The cost table for readers."""
    rows = list(table.itertuples())
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": [starred(row.arm, row.chosen) for row in rows],
            "n": table.n,
            "test accuracy, %": [show_interval(row.accuracy, row.accuracy_high) for row in rows],
            "gain, percentage points": [
                NO_NUMBER if row.role == "baseline" else show_difference(row.gain, row.gain_high) for row in rows
            ],
            "training, s (epochs)": [
                NOT_HERE if pd.isna(row.epochs) else f"{row.own_seconds:.0f} ({row.epochs:.0f})" for row in rows
            ],
            "teacher and logits, s": [_or_dash(row.total_seconds - row.own_seconds) for row in rows],
            "total, s": [
                f"{value:.0f}" + _rest(elsewhere)
                for value, elsewhere in zip(table.total_seconds, table.elsewhere, strict=True)
            ],
            "gain per extra minute": [_ratio(row.gain_per_minute, row) for row in rows],
            "total, 10¹² mult.-adds": [show_significant(value / 1e12) for value in table.total_multiply_adds],
            "gain per extra 10¹²": [_ratio(row.gain_per_tera, row) for row in rows],
            "in use, 10⁶ mult.-adds": [
                NO_NUMBER if pd.isna(value) else f"{value / 1e6:.2f}" for value in table.multiply_adds
            ],
        }
    )


def _ratio(ratio: float, row: NamedTuple) -> str:
    """A gain per cost, a dash where the gain may be none: of noise there is no rate."""
    return show_significant(ratio, signed=True) if row.gain_low > 0 or row.gain_high < 0 else NO_NUMBER


def _rest(elsewhere: bool) -> str:
    return f" and a training {NOT_HERE}" if elsewhere else ""


def _or_dash(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds else NO_NUMBER
