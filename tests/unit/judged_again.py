"""Judge the claims of published studies again, by today's rule, from the answers that their error explorers carry.

`python tests/unit/judged_again.py` writes claims_rejudged.csv beside each claims.csv. It serves studies whose runs are
gone; one that runs anew has the verdicts in its claims.csv.
"""

import base64
import json
import re
import zlib
from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd

from dark_knowledge.analysis.claim_accuracy import generalisation, nearness
from dark_knowledge.analysis.claim_errors import evenness, hardest, similar_errors
from dark_knowledge.analysis.claim_quantities import Evidence, Quantity
from dark_knowledge.analysis.claims import judge
from dark_knowledge.analysis.results import ExperimentArm
from dark_knowledge.analysis.statistics import Interval

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
STUDIES = ("note-earlier", "when-3-percent", "when-10-percent-earlier")
OF_ANSWERS = (generalisation, nearness, similar_errors, hardest, evenness)
COLUMNS = ["experiment", "student_arm", "claim", "quantity", "unit", "decides", "claimed", "reference", "baseline"]
COLUMNS += ["student", "effect", "low", "high", "p", "p_holm", "n", "verdict"]


def of(study: str) -> pd.DataFrame:
    """The rows that decide. 1, 2b and 3a are as published; 2a, which no answer decides, has a p of 1."""
    folder = REFERENCE / study
    published = pd.read_csv(folder / "tables" / "claims.csv").query("decides")
    config = json.loads((folder / "config.json").read_text())
    page = (folder / "pages" / "error_explorer.html").read_text()
    explorer = json.loads(re.search(r'type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    tables = []
    for (experiment, student), rows in published.groupby(["experiment", "student_arm"], sort=False):
        evidence = evidence_of(explorer, experiment, student, config)
        quantities = [next(quantity for quantity in part(evidence) if quantity.decides) for part in OF_ANSWERS]
        of_answers = {quantity.claim for quantity in quantities}
        quantities += [as_published(row) for row in rows.itertuples() if row.claim not in of_answers]
        table = judge(sorted(quantities, key=lambda quantity: quantity.claim), config["claims"])
        tables.append(table.assign(experiment=experiment, student_arm=student))
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def as_published(row: tuple) -> Quantity:
    withdrawn = row.claim == "2a"
    effect = (np.nan,) * 3 if withdrawn else (row.effect, row.low, row.high)
    return Quantity(
        *(row.claim, row.quantity, row.unit, np.full(row.n, np.nan), {"above": 1, "below": -1}[row.claimed]),
        decides=True,
        reference=row.reference,
        baseline=row.baseline,
        student=row.student,
        interval=Interval(*effect, row.n),
        p=1.0 if withdrawn else row.p,
    )


def evidence_of(explorer: dict, experiment: str, student: str, config: dict) -> Evidence:
    """What the explorer tells of an experiment: nothing that is of a training, such as its curves."""
    counts = [len(arm["seeds"]) for arm in explorer["arms"]]
    first, disputed = list(accumulate(counts, initial=0)), np.array(explorer["label"])
    classes = max(disputed) + 1
    # No run gets any other image wrong, so that of these it is enough how many there are of each class.
    left = explorer["testImages"] // classes - np.bincount(disputed, minlength=classes)
    labels = np.empty(explorer["testImages"], int)
    labels[explorer["image"]] = disputed
    labels[np.setdiff1d(np.arange(len(labels)), explorer["image"])] = np.repeat(np.arange(classes), left)
    answers = np.tile(labels, (first[-1], 1))
    packed = np.frombuffer(zlib.decompress(base64.b64decode(explorer["answers"])), np.uint8)
    answers[:, explorer["image"]] = packed.reshape(len(disputed), -1).T

    listed = next(each["arms"] for each in explorer["experiments"] if each["name"] == experiment)
    arms = [next(arm for arm in listed if arm["role"] == role) for role in ("teacher", "baseline")]
    arms.append(next(arm for arm in listed if arm["name"] == student))
    runs, predictions, errors = [], [], []
    for arm in arms:
        for seed, row in zip(explorer["arms"][arm["arm"]]["seeds"], answers[first[arm["arm"]] :], strict=False):
            run = {"model": arm["role"], "supervision": "", "seed": seed}
            runs.append(run | {"last_test_accuracy": (row == labels).mean()})
            predictions.append(pd.DataFrame(run | {"image": range(len(labels)), "label": labels, "prediction": row}))
            by_class = np.bincount(labels[row != labels], minlength=classes)
            errors.append(pd.DataFrame(run | {"label": range(classes), "errors": by_class}))
    own = config["experiments"][experiment].get("published", {})
    return Evidence(
        *(ExperimentArm(experiment, arm["role"], arm["name"], arm["role"], "") for arm in arms),
        *(pd.DataFrame(runs), pd.DataFrame(), pd.DataFrame(), pd.concat(predictions)),
        # The class that claim 5 is about is given below, so no validation image is asked for it.
        pd.concat([pd.concat(errors).assign(part=part) for part in ("test", "validation")]).assign(
            images=len(labels) // classes
        ),
        classes=[str(label) for label in range(classes)],
        published={"improved_class": 6} | own,
        settings=config["claims"],
    )


if __name__ == "__main__":
    for study in STUDIES:
        of(study).to_csv(REFERENCE / study / "tables" / "claims_rejudged.csv", index=False)
