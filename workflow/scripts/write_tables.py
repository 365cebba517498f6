"""Set each table on an HTML page of its own, with the note that explains it."""

import argparse
import json
from pathlib import Path

from markupsafe import Markup

from dark_knowledge import command
from dark_knowledge.pages import rendering
from dark_knowledge.study.arms import experiments_of


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=Path, nargs="+", required=True, help="the tables alone, as HTML: <table>.html")
    parser.add_argument("--config", type=Path, required=True, help="the study's whole configuration, a JSON file")
    parser.add_argument("--out", type=Path, required=True, help="folder for <table>.html")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    config = json.loads(arguments.config.read_text())
    one_seed = all(len(settings.get("seeds", config["seeds"])) == 1 for settings in experiments_of(config).values())
    for path in arguments.tables:
        table = Markup(path.read_text(encoding="utf-8"))
        page = rendering.table_page(path.stem, table, config, one_seed=one_seed)
        rendering.save(arguments.out / path.name, page)


if __name__ == "__main__":
    command.run(main)
