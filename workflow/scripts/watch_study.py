"""Watch a study's trainings, wherever they run, from the files of its results; on a terminal until all are done."""

import argparse
import json
import sys
import time
from pathlib import Path

from dark_knowledge import command
from dark_knowledge.command import InputError
from dark_knowledge.progress.screen import Screen, Whole, can_show, frame, time_left
from dark_knowledge.progress.trainings import (
    Run,
    Training,
    is_done,
    log_of,
    read_log,
    runs_of,
    seconds_left,
    seconds_of,
)

PERIOD = 2.0  # seconds between two looks at the files
WIDTH, HEIGHT = 120, 10_000  # of what is written where there is no terminal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="folder of the study's results, as results/note")
    results = parser.parse_args().results
    runs, taken = runs_of(read_design(results)), {}
    screen = Screen(sys.stdout) if can_show(sys.stdout) else None
    while True:
        taken |= {run: seconds_of(results, run) for run in runs if run not in taken and is_done(results, run)}
        waiting = [run for run in runs if run not in taken]
        running, whole = look(results, waiting, taken)
        if screen is None:
            print("\n".join(frame(running, whole, WIDTH, HEIGHT)))
        else:
            screen.draw(running, whole)
        if screen is None or not waiting:
            return
        time.sleep(PERIOD)


def read_design(results: Path) -> dict:
    """What the study's runs are to be, as its first job writes it down."""
    try:
        return json.loads((results / "design.json").read_text())
    except FileNotFoundError:
        raise InputError(
            f"{results} has no design.json, which a study's first job writes: name the folder of a study's results, "
            "as results/note, once the study runs"
        ) from None


def look(results: Path, waiting: list[Run], taken: dict[Run, float | None]) -> tuple[list[Training], Whole]:
    """The trainings that run, by their logs, and how far the study is. One that stopped waits for its next attempt."""
    logged = [training for run in waiting if (training := read_log(run, log_of(results, run)))]
    running = [training for training in logged if not training.has_ended]
    working = [training for training in running if not training.is_silent]
    rest = set(waiting) - {training.run for training in working}
    known = {run: seconds for run, seconds in taken.items() if seconds is not None}
    notes = [time_left(seconds_left(rest, working, known))] if working else []
    if stopped := len(logged) - len(running):
        notes.append(f"{stopped} stopped")
    return running, Whole(len(taken), len(taken) + len(waiting), tuple(notes))


if __name__ == "__main__":
    try:
        command.run(main)
    except KeyboardInterrupt:
        sys.exit(130)
