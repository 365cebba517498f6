"""Draw what each experiment's student gains over the best arm without its teacher, against the teacher's lead."""

import argparse
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.analysis.payoff import payoff_table
from dark_knowledge.analysis.results import Results
from dark_knowledge.command import written_whole
from dark_knowledge.figures import style
from dark_knowledge.figures.payoff import payoff


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collected", type=Path, required=True, help="folder of the collected tables")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    table = payoff_table(Results(folder=arguments.collected))
    with written_whole(arguments.out) as temporary:
        style.save(payoff(table), temporary)


if __name__ == "__main__":
    command.run(main)
