"""A study's tables: tidy data frames first, then what a person reads."""

import math

import numpy as np
import pandas as pd

from dark_knowledge.command import InputError
from dark_knowledge.statistics import Interval, mean_interval
from dark_knowledge.study import ALL_SEEDS

AS_PUBLISHED = "as published"
NO_NUMBER = "\N{EN DASH}"
COLUMNS = {
    "last_train_accuracy": "last: train",
    "last_validation_accuracy": "last: validation",
    "last_test_accuracy": "last: test",
    "selected_train_accuracy": "selected: train",
    "selected_validation_accuracy": "selected: validation",
    "selected_test_accuracy": "selected: test",
    "best_on_test_accuracy": "best on test",
}


ONE_SEED = " There is one seed, and one run has no interval: give the study more seeds."
NOTES = {
    "accuracy": (
        "Accuracy in percent: mean over n seeds, ± half of Student's 95 % t interval of the mean. Scored in evaluation "
        "mode without augmentation, on those training images that the arm learned from, after the last epoch and at "
        "the selected epoch, the one with the highest validation accuracy. Best on test follows the note's protocol: "
        "the test set picks the epoch, so it flatters. "
        "* marks the temperature with the highest mean validation accuracy at the last epoch; published student "
        "figures stand beside it."
    ),
    "gap_recovered": (
        "What each arm gains on the test set after the last epoch: arm minus baseline, paired by seed, as "
        "mean ± half of Student's 95 % t interval; and that gain as a share of teacher minus baseline, where the "
        "interval of the latter lies above zero. * marks the temperature that validation chose."
    ),
    "errors_per_class": (
        "Test errors per class after the last epoch: mean over seeds ± half of Student's 95 % t interval."
    ),
    "runs": (
        "Every run: accuracies after the last epoch, and what it cost. Seconds are of the training loop with its "
        "scoring, without the program's start."
    ),
}


def chosen_temperature(runs: pd.DataFrame, arms: pd.DataFrame, experiment: str) -> float:
    """The student's temperature with the highest mean validation accuracy at the last epoch; a tie takes the lowest.

    Over the seeds that all temperatures have: one shared with another experiment may have more.
    """
    students = arms[(arms.experiment == experiment) & (arms.role == "student")]
    scores = students.merge(runs).pivot(index="seed", columns="temperature", values="last_validation_accuracy")
    return float(scores.dropna().mean().idxmax())


def named_arms(arms: pd.DataFrame, runs: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """The experiment's arms with `arm`, their name for readers, and `chosen`: the student that validation picks."""
    own = arms[arms.experiment == experiment]
    chosen = (own.role == "student") & (own.temperature == chosen_temperature(runs, arms, experiment))
    return own.assign(chosen=chosen)


def compared_arms(arms: pd.DataFrame, runs: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """The named arms of an experiment, of its students only the chosen one."""
    named = named_arms(arms, runs, experiment)
    return named[(named.role != "student") | named.chosen]


def class_label(name: str, label: int) -> str:
    """A class's name with its number, unless the name is the number."""
    return name if name == str(label) else f"{name} ({label})"


def starred(arm: str, chosen: bool) -> str:
    """An arm's name, with a star where validation chose its temperature."""
    return f"{arm} *" if chosen else arm


def with_experiment(experiment: str, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the experiment's name as its first column."""
    return pd.DataFrame({"experiment": experiment}, index=table.index).join(table)


def arm_of(arms: pd.DataFrame, role: str) -> tuple:
    """The one arm of a role among the compared arms of an experiment."""
    return next(arms[arms.role == role].itertuples())


def rows_of(table: pd.DataFrame, arm: tuple) -> pd.DataFrame:
    """The rows of one arm's runs."""
    return table[(table.model == arm.model) & (table.supervision == arm.supervision)]


def last_predictions(predictions: pd.DataFrame, arm: tuple) -> pd.DataFrame:
    """The test predictions of one arm's runs after the last epoch."""
    own = rows_of(predictions, arm)
    return own[own.epoch == "last"]


def by_seed(table: pd.DataFrame, arm: tuple, column: str) -> pd.Series:
    """One column of one arm's runs, by seed."""
    return rows_of(table, arm).set_index("seed")[column].sort_index()


def beside(rows: pd.DataFrame | pd.Series, seeds: pd.Index) -> pd.DataFrame | pd.Series:
    """An arm's `rows` by seed, to be compared with runs of `seeds`: an ensemble, one run of all seeds, is repeated."""
    if list(rows.index) != [ALL_SEEDS]:
        return rows
    return rows.iloc[[0] * len(seeds)].set_axis(pd.Index(seeds, name="seed"))


def teachers_of(runs: pd.DataFrame, arm: tuple) -> pd.DataFrame:
    """The run that taught each run of a student, indexed by the student's seed: the teacher's of the same seed."""
    seeds = pd.Index(sorted(rows_of(runs, arm).seed), name="seed")
    taught = runs[(runs.model == arm.teacher) & (runs.supervision == "labels")].set_index("seed")
    return beside(taught, seeds).loc[seeds]


def trained_arms(arms: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """The arms that have learning curves; an ensemble was assembled, not trained, and has none."""
    trained = pd.MultiIndex.from_frame(epochs[["model", "supervision"]].drop_duplicates())
    return arms[pd.MultiIndex.from_frame(arms[["model", "supervision"]]).isin(trained)]


def difference(a: pd.Series, b: pd.Series) -> np.ndarray:
    """`a` minus `b` over the seeds [n] that both have; refused where they share none."""
    a, b = beside(a, b.index).align(beside(b, a.index), join="inner")
    if a.empty:
        raise InputError("two arms of an experiment have no seed in common; give them the same seeds")
    return (a - b).to_numpy(float)


def accuracy_table(runs: pd.DataFrame, arms: pd.DataFrame) -> pd.DataFrame:
    """A row per experiment and arm: parameters, n, and mean, low and high of each accuracy over seeds, in percent.

    Accuracies on training images are of those that the arm learned from, in evaluation mode. `chosen` marks the
    student whose temperature validation picks.
    """
    rows = []
    for arm in arms.itertuples():
        own = rows_of(runs, arm)
        chosen = arm.role == "student" and arm.temperature == chosen_temperature(runs, arms, arm.experiment)
        row = {
            "experiment": arm.experiment,
            "role": arm.role,
            "arm": arm.arm,
            "model": arm.model,
            "temperature": arm.temperature,
            "chosen": chosen,
            "parameters": own.parameters.iloc[0],
            "n": len(own),
        }
        for column in COLUMNS:
            interval = mean_interval(100 * own[column])
            row |= {f"{column}_{end}": getattr(interval, end) for end in ("mean", "low", "high")}
        rows.append(row)
    return pd.DataFrame(rows)


def published_rows(published: dict) -> pd.DataFrame:
    """The figures published elsewhere, by experiment and role, in percent: {experiment: {role: figures}}."""
    return pd.DataFrame(
        [
            {"experiment": experiment, "role": role} | figures
            for experiment, roles in published.items()
            for role, figures in roles.items()
            if role in ("teacher", "baseline", "student")
        ],
        columns=["experiment", "role", "parameters", "train_accuracy", "test_accuracy"],
    )


def gap_table(runs: pd.DataFrame, arms: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """A row per experiment and student or control: what it gained on test at the last epoch, paired by seed.

    `gain` is the arm minus the baseline in points, `gap` the teacher minus the baseline of the same seeds, both with
    their t interval; `recovered` is what `gap_recovered` makes of them.
    """
    rows = []
    for experiment in arms.experiment.unique():
        named = named_arms(arms, runs, experiment)
        teacher, baseline = (
            100 * by_seed(runs, arm_of(named, role), "last_test_accuracy") for role in ("teacher", "baseline")
        )
        for arm in named[named.role.isin(["student", "control"])].itertuples():
            gained = (100 * by_seed(runs, arm, "last_test_accuracy") - baseline).dropna()
            gap = mean_interval(difference(teacher, baseline[gained.index]))
            rows.append(_gap_row(experiment, arm.arm, arm.chosen, mean_interval(gained), gap))
        figures = published[published.experiment == experiment].set_index("role").test_accuracy
        if {"teacher", "baseline", "student"} <= set(figures.index):
            gain, gap = (mean_interval([figures[role] - figures.baseline]) for role in ("student", "teacher"))
            rows.append(_gap_row(experiment, AS_PUBLISHED, False, gain, gap))
    return pd.DataFrame(rows)


def gap_recovered(gain: float, gap: Interval) -> float:
    """A gain as a share of the gap between teacher and baseline, in percent; NaN unless the gap is above zero.

    With its whole interval, where it has one: of a gap that may be none there is no share.
    """
    above_zero = gap.mean > 0 if math.isnan(gap.low) else gap.low > 0
    return 100 * gain / gap.mean if above_zero else math.nan


def _gap_row(experiment: str, arm: str, chosen: bool, gain: Interval, gap: Interval) -> dict:
    return {
        "experiment": experiment,
        "arm": arm,
        "chosen": chosen,
        "n": gain.n,
        "gain": gain.mean,
        "gain_low": gain.low,
        "gain_high": gain.high,
        "gap": gap.mean,
        "gap_low": gap.low,
        "gap_high": gap.high,
        "recovered": gap_recovered(gain.mean, gap),
    }


def class_error_table(predictions: pd.DataFrame, arms: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """A row per experiment, arm and class: test errors at the last epoch, mean and t interval over seeds."""
    last = predictions[predictions.epoch == "last"]
    wrong = (last.label != last.prediction).groupby([last.model, last.supervision, last.seed, last.label]).sum()
    wrong = wrong.unstack(fill_value=0).reindex(columns=range(len(classes)), fill_value=0)
    images = last.groupby("label").image.nunique().reindex(range(len(classes)), fill_value=0)
    rows = []
    for arm in arms.itertuples():
        for label, errors in wrong.loc[(arm.model, arm.supervision)].items():
            interval = mean_interval(errors)
            rows.append(
                {
                    "experiment": arm.experiment,
                    "role": arm.role,
                    "arm": arm.arm,
                    "temperature": arm.temperature,
                    "label": label,
                    "class": classes[label],
                    "images": images[label],
                    "n": interval.n,
                    "errors": interval.mean,
                    "errors_low": interval.low,
                    "errors_high": interval.high,
                }
            )
    return pd.DataFrame(rows)


RUN_COLUMNS = [
    "model", "supervision", "seed", "parameters", "epochs", "selected_epoch", "last_validation_accuracy",
    "last_test_accuracy", "seconds", "images_per_second", "peak_memory_mb", "machine", "device",
    "precision", "threads", "commit",
]  # fmt: skip


def run_table(runs: pd.DataFrame) -> pd.DataFrame:
    """A row per run: what it was, how it ended and what it cost; the seed of an ensemble, of all seeds, is -1."""
    return runs[RUN_COLUMNS].astype({"selected_epoch": "Int64"})


def show_interval(mean: float, high: float, digits: int = 2) -> str:
    """93.12 ± 0.22, the interval being symmetric; the mean alone where there is no interval; a dash for no number."""
    if pd.isna(mean):
        return NO_NUMBER
    return f"{mean:.{digits}f}{_half(mean, high, digits)}"


def show_number(value: float, digits: int, *, signed: bool = False) -> str:
    """A number with a minus sign, or either sign; 0 has none."""
    value = round(value, digits) or 0.0
    return f"{value:{'+' if signed and value else ''}.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _half(mean: float, high: float, digits: int) -> str:
    return "" if pd.isna(high) else f" \N{PLUS-MINUS SIGN} {high - mean:.{digits}f}"


def show_difference(mean: float, high: float, digits: int = 2) -> str:
    """As `show_interval`, with a sign: +0.31 ± 0.30."""
    if pd.isna(mean):
        return NO_NUMBER
    return show_number(mean, digits, signed=True) + _half(mean, high, digits)


def show_p(p: float) -> str:
    """A p value with three decimals, a dash for none."""
    if pd.isna(p):
        return NO_NUMBER
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def readable_accuracy(table: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """The accuracy table for readers, with published figures beside it where there are any."""
    readable = pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": [starred(row.arm, row.chosen) for row in table.itertuples()],
            "parameters": [f"{value:,}" for value in table.parameters],
            "n": table.n,
        }
    )
    for column, title in COLUMNS.items():
        ends = zip(table[f"{column}_mean"], table[f"{column}_high"], strict=True)
        readable[title] = [show_interval(mean, high) for mean, high in ends]
    if published.empty:
        return readable
    figures = published.set_index(["experiment", "role"])
    for column, title in (("train_accuracy", "published: train"), ("test_accuracy", "published: test")):
        readable[title] = [
            show_interval(figures[column].get((row.experiment, row.role)) if _comparable(row) else None, None)
            for row in table.itertuples()
        ]
    return readable


def _comparable(row: tuple) -> bool:
    """A published student was the best of its makers' choice, so it stands beside the chosen temperature alone."""
    return row.role in ("teacher", "baseline") or row.chosen


def readable_gap(table: pd.DataFrame) -> pd.DataFrame:
    """The gap table for readers."""
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": [starred(row.arm, row.chosen) for row in table.itertuples()],
            "n": table.n,
            "arm minus baseline, points": [show_difference(row.gain, row.gain_high) for row in table.itertuples()],
            "teacher minus baseline, points": [show_difference(row.gap, row.gap_high) for row in table.itertuples()],
            "gap recovered, %": [NO_NUMBER if pd.isna(value) else show_number(value, 0) for value in table.recovered],
        }
    )


def readable_class_errors(table: pd.DataFrame) -> pd.DataFrame:
    """The class-error table for readers: a row per experiment and class, a column per arm."""
    shown = table.assign(
        shown=[show_interval(row.errors, row.errors_high, 1) for row in table.itertuples()],
    )
    order = list(dict.fromkeys(shown.arm))
    wide = shown.pivot(index=["experiment", "label", "class", "images"], columns="arm", values="shown")[order]
    return wide.fillna(NO_NUMBER).reset_index().rename_axis(columns=None)


def _whole(values: pd.Series) -> list[str]:
    """Whole numbers, a dash for none."""
    return [NO_NUMBER if pd.isna(value) else f"{value:.0f}" for value in values]


def readable_runs(table: pd.DataFrame) -> pd.DataFrame:
    """The run index for readers."""
    return pd.DataFrame(
        {
            "model": table.model,
            "supervision": table.supervision,
            "seed": table.seed.replace({ALL_SEEDS: "all"}),
            "parameters": [f"{value:,}" for value in table.parameters],
            "epochs": table.epochs,
            "selected epoch": _whole(table.selected_epoch + 1),
            "validation, %": [f"{100 * value:.2f}" for value in table.last_validation_accuracy],
            "test, %": [f"{100 * value:.2f}" for value in table.last_test_accuracy],
            "training, s": [f"{value:.0f}" for value in table.seconds],
            "images/s": _whole(table.images_per_second),
            "peak memory, MB": _whole(table.peak_memory_mb),
            "machine": table.machine + ", " + table.precision,
        }
    )
