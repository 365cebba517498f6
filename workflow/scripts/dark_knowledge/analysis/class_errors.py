"""Which classes the errors are in, and what distillation changes there.

Tidy tables first, then what a person reads. All on test images after the last epoch, unless said otherwise; `compared`
are the arms of an experiment, of its students only the chosen one.
"""

import numpy as np
import pandas as pd

from dark_knowledge.analysis.formats import NO_NUMBER, show_difference, show_interval, show_p
from dark_knowledge.analysis.results import (
    ExperimentArm,
    Results,
    arm_of,
    difference,
    paired,
    rows_of,
    with_experiment,
)
from dark_knowledge.analysis.statistics import holm, mean_interval, sign_flip_p


def class_error_counts(class_errors: pd.DataFrame, arm: ExperimentArm) -> pd.DataFrame:
    """Test errors of one arm's runs: a row per seed, a column per class."""
    own = rows_of(class_errors[class_errors.part == "test"], arm)
    return own.pivot(index="seed", columns="label", values="errors")


def hardest_class(class_errors: pd.DataFrame, baseline: ExperimentArm, published: dict) -> int:
    """The published claim's class, else that of the baseline's highest validation error rate; a tie takes the first."""
    own = rows_of(class_errors[class_errors.part == "validation"], baseline)
    sums = own.groupby("label")[["errors", "images"]].sum()
    return int(published.get("improved_class", (sums.errors / sums.images).idxmax()))


def class_difference_table(results: Results, classes: list[str]) -> pd.DataFrame:
    """`class_differences` of every experiment, its name first."""
    return pd.concat(
        [
            with_experiment(
                experiment, class_differences(results["class_errors"], results.compared(experiment), classes)
            )
            for experiment in results.experiments
        ],
        ignore_index=True,
    )


def class_differences(class_errors: pd.DataFrame, compared: list[ExperimentArm], classes: list[str]) -> pd.DataFrame:
    """A row per arm and class: test errors less the baseline's, paired by seed, with interval, p and Holm's p."""
    baseline = class_error_counts(class_errors, arm_of(compared, "baseline"))
    has_images = class_errors[class_errors.part == "test"].groupby("label").images.max() > 0
    rows = []
    for arm in (arm for arm in compared if arm.role != "baseline"):
        own = class_error_counts(class_errors, arm)
        pairs = [paired(own[label], baseline[label]) for label in range(len(classes))]
        p = [sign_flip_p(errors - of_baseline) for errors, of_baseline in pairs]
        p = np.where(has_images, p, np.nan)  # a class without test images tells nothing
        for label, ((errors, of_baseline), p_holm) in enumerate(zip(pairs, holm(p), strict=True)):
            mean, low, high, n = mean_interval(errors - of_baseline)
            rows.append(
                {"arm": arm.arm, "label": label, "class": classes[label], "n": n}
                | {"baseline_errors": of_baseline.mean(), "errors": errors.mean()}
                | {"difference": mean, "low": low, "high": high, "p": p[label], "p_holm": p_holm}
            )
    return pd.DataFrame(rows)


def readable_class_differences(table: pd.DataFrame) -> pd.DataFrame:
    """The table of class differences for readers."""
    return pd.DataFrame(
        {
            "experiment": table.experiment,
            "arm": table.arm,
            "label": table.label,
            "class": table["class"],
            "n": table.n,
            "baseline's errors": [f"{value:.1f}" for value in table.baseline_errors],
            "arm's errors": [f"{value:.1f}" for value in table.errors],
            "difference": [show_difference(row.difference, row.high, 1) for row in table.itertuples()],
            "p": table.p.map(show_p),
            "p (Holm)": table.p_holm.map(show_p),
        }
    )


def hardest_class_table(results: Results, classes: list[str], published: dict) -> pd.DataFrame:
    """`hardest_class_rows` of every experiment, its name first; `published` has each experiment's figures."""
    tables = []
    for experiment in results.experiments:
        compared = results.compared(experiment)
        label = hardest_class(results["class_errors"], arm_of(compared, "baseline"), published[experiment])
        rows = hardest_class_rows(results["predictions"], compared, label, classes)
        tables.append(with_experiment(experiment, rows))
    return pd.concat(tables, ignore_index=True)


def hardest_class_rows(
    predictions: pd.DataFrame, compared: list[ExperimentArm], label: int, classes: list[str]
) -> pd.DataFrame:
    """A row per arm and quantity of class `label`: its recall, precision and flows to and from other classes.

    `mean`, `low`, `high` are over seeds, `difference` is to the baseline, paired by seed.
    """
    baseline = class_quantities(predictions, arm_of(compared, "baseline"), label, classes)
    rows = []
    for arm in compared:
        for quantity, values in class_quantities(predictions, arm, label, classes).items():
            mean, low, high, n = mean_interval(values)
            gain = mean_interval(difference(values, baseline[quantity]))
            rows.append(
                {"label": label, "class": classes[label], "quantity": quantity}
                | {"arm": arm.arm, "role": arm.role, "n": n, "mean": mean, "low": low, "high": high}
                | gain.columns("difference")
            )
    return pd.DataFrame(rows)


def class_quantities(predictions: pd.DataFrame, arm: ExperimentArm, label: int, classes: list[str]) -> pd.DataFrame:
    """Of class `label`, a row per seed: recall and precision in percent (NaN without images), and its flows.

    Columns `to <class>`: its images given to another class; `from <class>`: another class's images given to it.
    """
    own = rows_of(predictions, arm)
    seeds = pd.Index(own.seed.unique(), name="seed").sort_values()
    given = own[own.label == label].groupby(["seed", "prediction"]).size().unstack(fill_value=0)
    taken = own[own.prediction == label].groupby(["seed", "label"]).size().unstack(fill_value=0)
    given, taken = (flow.reindex(seeds, columns=range(len(classes)), fill_value=0) for flow in (given, taken))
    quantities = {
        "recall, %": 100 * given[label] / given.sum(axis=1),
        "precision, %": 100 * given[label] / taken.sum(axis=1),
    }
    others = [(other, name) for other, name in enumerate(classes) if other != label]
    quantities |= {f"to {name}": given[other] for other, name in others}
    quantities |= {f"from {name}": taken[other] for other, name in others}
    return pd.DataFrame(quantities)


def readable_hardest_class(table: pd.DataFrame) -> pd.DataFrame:
    """The table of the hardest class for readers: a column per arm; flows that no arm has are left out."""
    keys = ["experiment", "class", "quantity"]
    seen = table.groupby(keys)["mean"].transform(lambda means: means.ne(0).any())
    table = table[seen | table.quantity.str.endswith(", %")]
    named = table.arm.where(table.role != "student", "student")
    cells = [show_interval(row.mean, row.high, 1) for row in table.itertuples(index=False)]
    wide = table.assign(arm=named, cell=cells).pivot(index=keys, columns="arm", values="cell")[named.unique()]
    students = table[table.role == "student"].set_index(keys)
    wide = wide.loc[students.index].fillna(NO_NUMBER)  # in the tidy table's order
    wide["student minus baseline"] = [
        show_difference(row.difference, row.difference_high, 1) for row in students.itertuples()
    ]
    wide = wide.reset_index().rename_axis(columns=None)
    wide["quantity"] = [_flow(quantity, name) for name, quantity in zip(wide["class"], wide["quantity"], strict=True)]
    return wide


def _flow(quantity: str, name: str) -> str:
    """A quantity of class `name` for readers: "to Coat" and "from Coat" are flows between it and another class."""
    if quantity.startswith("to "):
        return f"{name} taken for {quantity.removeprefix('to ')}"
    if quantity.startswith("from "):
        return f"{quantity.removeprefix('from ')} taken for {name}"
    return quantity


def class_error_table(predictions: pd.DataFrame, arms: list[ExperimentArm], classes: list[str]) -> pd.DataFrame:
    """A row per experiment, arm and class: test errors at the last epoch, mean and t interval over seeds."""
    wrong = predictions.label != predictions.prediction
    wrong = wrong.groupby([predictions[key] for key in ("model", "supervision", "seed", "label")]).sum()
    wrong = wrong.unstack(fill_value=0).reindex(columns=range(len(classes)), fill_value=0)
    images = predictions.groupby("label").image.nunique().reindex(range(len(classes)), fill_value=0)
    rows = []
    for arm in arms:
        for label, errors in wrong.loc[arm.key].items():
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
                }
                | interval.columns("errors")
            )
    return pd.DataFrame(rows)


def readable_class_errors(table: pd.DataFrame) -> pd.DataFrame:
    """The class-error table for readers: a row per experiment and class, a column per arm."""
    shown = table.assign(
        shown=[show_interval(row.errors, row.errors_high, 1) for row in table.itertuples()],
    )
    keys = ["experiment", "label", "class", "images"]
    order = list(dict.fromkeys(shown.arm))
    wide = shown.pivot(index=keys, columns="arm", values="shown")[order]
    wide = wide.reindex(pd.MultiIndex.from_frame(table[keys].drop_duplicates()))  # a pivot sorts
    return wide.fillna(NO_NUMBER).reset_index().rename_axis(columns=None)
