"""Correct biases of classes that a transfer set left out, from stored logits: a row per run, correction and label."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import safe_open

from dark_knowledge import command
from dark_knowledge.analysis.bias_correction import corrected_errors
from dark_knowledge.analysis.collecting import load_logits
from dark_knowledge.analysis.records import Records
from dark_knowledge.command import written_whole
from dark_knowledge.study.arms import arms_of, roles_of

KEYS = ["experiment", "role", "arm", "model", "supervision", "seed"]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="prepared data set")
    parser.add_argument("--results", type=Path, required=True, help="the study's folder, with runs and teacher_logits")
    parser.add_argument("--design", type=Path, required=True, help="what the runs are to be, a JSON file")
    parser.add_argument("--asked", type=Path, required=True, help="what the tables show beside the runs, a JSON file")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    with safe_open(arguments.data, framework="np") as data:
        train_labels, test_labels = data.get_tensor("train_labels"), data.get_tensor("test_labels")
    design = json.loads(arguments.design.read_text())
    mends = json.loads(arguments.asked.read_text())["paper"].get("mends", {})
    records = Records(design, arguments.results, arguments.data)
    seeds = arms_of(design)
    tables = [pd.DataFrame(columns=[*KEYS, "mend", "shift", "label", "images", "errors"])]
    for role in roles_of(design):
        if role.experiment not in mends or role.role not in ("baseline", "student"):
            continue
        mend = mends[role.experiment]
        _, logits = load_logits(records.logits(role.arm, seeds[role.arm]), seeds[role.arm])
        prior = np.isin(train_labels, mend["classes"]).mean()
        for seed, test, validation in zip(seeds[role.arm], logits["last/test"], logits["last/validation"], strict=True):
            keys = dict(
                zip(
                    KEYS,
                    (role.experiment, role.role, role.label, role.arm.model, role.arm.supervision, seed),
                    strict=True,
                )
            )
            rows = corrected_errors(test, test_labels, validation, mend["classes"], mend["shift"], prior)
            tables.append(pd.DataFrame(keys, index=rows.index).join(rows))
    table = pd.concat(tables[1:] or tables, ignore_index=True)
    with written_whole(arguments.out) as temporary:
        table.to_parquet(temporary, index=False)
    print(f"{len(table)} rows")


if __name__ == "__main__":
    command.run(main)
