"""Draw what each experiment's student gains over the best arm without its teacher, against the teacher's lead.

By hand it draws several studies into one figure: their tables payoff.csv one after the other.
"""

import argparse
from pathlib import Path

import pandas as pd

from dark_knowledge import command
from dark_knowledge.command import written_whole
from dark_knowledge.figures import style
from dark_knowledge.figures.payoff import payoff


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="payoff.csv of each study")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    with written_whole(arguments.out) as temporary:
        # A name of digits is no number, and one of "null" not nothing.
        as_text = {"dtype": {"experiment": str}, "keep_default_na": False, "na_values": [""]}
        tables = [pd.read_csv(path, **as_text) for path in arguments.tables]
        style.save(payoff(pd.concat(tables)), temporary)


if __name__ == "__main__":
    command.run(main)
