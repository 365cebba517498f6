"""What a person sees of a study on a terminal of 80 columns, and that nothing of it is left where there is none."""

import errno
import fcntl
import os
import pty
import re
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest

from ..conftest import TINY

pytestmark = pytest.mark.slow

COLUMNS, ROWS = 80, 24
RUN = "results/tiny/runs/resnet/labels/seed0"
COMMAND = ("--cores", "1", f"{RUN}/weights.safetensors", "--configfile", TINY, "long.yaml")
TRAINING = re.compile(r"^resnet labels seed 0 +[━─]+ +\d+/\d+ +[\d.]+ % +[\d,]+ +\d+:\d\d$")
STOPPED = r"^\d\d:\d\d:\d\d  resnet labels seed 0, stopped by {} in epoch \d+$"
WHOLE = re.compile(r"^(\d) of 1 trainings +[━─]+ ")


def take_terminal() -> None:
    """Let Ctrl-C reach this process, as in a shell."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Terminal:
    """A terminal with a command in it. `lines` are all that stands there, those included that have scrolled away."""

    def __init__(self, command: list[str], **settings):
        self.screen, end = pty.openpty()
        termios.tcsetwinsize(end, (ROWS, COLUMNS))
        self.process = subprocess.Popen(
            command, stdin=end, stdout=end, stderr=end, start_new_session=True, preexec_fn=take_terminal, **settings
        )  # fmt: skip
        os.close(end)
        self.text, self.frames = b"", []

    def read(self, until=lambda terminal: False) -> None:
        """Read what is written there, until it is so or the command has ended."""
        deadline = time.monotonic() + 300
        while not until(self):
            assert time.monotonic() < deadline, self.lines
            try:
                written = os.read(self.screen, 65536)
            except OSError as error:  # how Linux says that nobody has the terminal open any more
                if error.errno != errno.EIO:
                    raise
                written = b""
            if not written:
                break
            self.text += written
            self.frames.append(self.lines)

    @property
    def lines(self) -> list[str]:
        """The screen, as the control sequences that are used make it."""
        text = re.sub(r"\033\[[\d;]*m", "", self.text.decode(errors="replace"))
        lines, row = [""], 0
        for word in re.findall(r"\033\[\d+F|\033\[J|\r\n|\r|[^\r\033]+|\033.", text):
            if word == "\r\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif word == "\033[J":
                lines[row:] = [""]
            elif word.startswith("\033["):
                row -= int(word[2:-1])
            elif word != "\r":
                lines[row] += word
        return lines

    def shows(self, pattern: re.Pattern) -> bool:
        return any(pattern.match(line) for line in self.lines)


@pytest.fixture
def terminal(workflow):
    (workflow.folder / "long.yaml").write_text("recipes: {teacher: {epochs: 60}}\n")
    environment = workflow.environment | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    environment.pop("COLUMNS", None)
    return Terminal(["snakemake", *COMMAND], cwd=workflow.folder, env=environment)


def test_a_training_is_shown_while_it_runs_and_one_line_stays_of_it(terminal):
    terminal.read()
    assert terminal.process.wait(60) == 0, terminal.lines
    drawn = [line for frame in terminal.frames for line in frame if TRAINING.match(line)]
    assert len({line.split()[-5] for line in drawn}) >= 3, drawn  # epochs
    assert not terminal.shows(TRAINING)
    assert terminal.shows(re.compile(r"^\d\d:\d\d:\d\d  resnet labels seed 0, \d:\d\d, [\d.]+ % on validation$"))
    whole = [line for line in terminal.lines if WHOLE.match(line)]
    assert [WHOLE.match(line)[1] for line in whole] == ["1"]
    assert re.search(r"  (\d) of \1 jobs$", whole[0])
    assert max(map(len, drawn + whole)) < COLUMNS
    assert not any("rule train_model" in line or "input:" in line for line in terminal.lines)


def test_ctrl_c_stops_the_study_and_leaves_the_terminal_in_order(terminal, workflow):
    terminal.read(until=lambda terminal: terminal.shows(TRAINING))
    os.write(terminal.screen, b"\3")
    terminal.read()
    assert terminal.process.wait(60) == 1, terminal.lines
    assert terminal.shows(re.compile("^Terminating processes on user request"))
    assert terminal.shows(re.compile(STOPPED.format("SIGINT"))), terminal.lines
    assert not any("CalledProcessError" in line or "Error in rule" in line for line in terminal.lines)
    assert sum(bool(WHOLE.match(line)) for line in terminal.lines) == 1
    assert not terminal.shows(TRAINING)
    assert (workflow.folder / RUN / "resume.pt").exists()


def test_a_training_that_was_stopped_by_itself_is_no_error(terminal, workflow):
    """As after Ctrl-C where the training's end is reported before Snakemake's own."""
    terminal.read(until=lambda terminal: terminal.shows(TRAINING))
    words = ["pgrep", "--full", "^python .*train_model.py"]
    trainings = subprocess.run(words, capture_output=True, text=True).stdout.split()
    ours = [int(number) for number in trainings if Path(f"/proc/{number}/cwd").resolve() == workflow.folder.resolve()]
    for number in ours:
        os.kill(number, signal.SIGTERM)
    terminal.read()
    assert terminal.process.wait(60) == 1, terminal.lines
    assert terminal.shows(re.compile(STOPPED.format("SIGTERM"))), terminal.lines
    assert not any("CalledProcessError" in line or "Error in rule" in line for line in terminal.lines)


def test_where_there_is_no_terminal_the_log_is_snakemakes_own(workflow):
    done = workflow.snakemake("--cores", "1", "results/tiny/data/dataset.safetensors", "--configfile", TINY)
    assert "rule prepare_dataset:" in done.stderr
    assert "\033" not in done.stderr
    assert "of 4 trainings" not in done.stderr
