"""Write the page of learning curves, with switches for arms and seeds."""

import argparse
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.analysis import convergence
from dark_knowledge.analysis.results import Results
from dark_knowledge.figures import style
from dark_knowledge.pages import curves, rendering


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collected", type=Path, required=True, help="folder of the collected tables")
    parser.add_argument("--study", required=True, help="its name, for the page")
    parser.add_argument("--dataset", required=True, help="its name, for the page")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    results = Results(folder=arguments.collected)
    arms = style.drawn_arms(results.all_arms())
    most = max(int(results["epochs"].epoch.max()) + 1, convergence.STEP_POINTS)

    def page(points: int) -> str:
        data = curves.page_data(arms, results, points) | {"study": arguments.study, "dataset": arguments.dataset}
        return rendering.interactive_page("curves.html.j2", data, points=points if points < most else None)

    text, _ = rendering.largest_page(page, most)
    rendering.save(arguments.out, text)


if __name__ == "__main__":
    command.run(main)
