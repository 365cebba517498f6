"""What is shown of a study while it runs: read from the logs that trainings write, never wider than the terminal."""

import io
import json
import os
import time

import pytest
import watch_study
import yaml
from snakemake.utils import update_config

from dark_knowledge.command import InputError
from dark_knowledge.progress.screen import Screen, Whole, clock, frame
from dark_knowledge.progress.trainings import Run, Training, read_log, runs_of, seconds_left, seconds_of
from dark_knowledge.study.arms import design_of

from ..conftest import CHECKOUT, TINY

STUDENT = Run("student", "resnet_T4_w0.1", 0)
TEACHER = Run("resnet", "labels", 0)


def training(run=STUDENT, **said) -> Training:
    values = {"epoch": 2, "epochs": 8, "accuracy": 91.5, "speed": 12345, "seconds_per_epoch": 10.0, "age": 4.0}
    return Training(run, **values | said)


@pytest.fixture
def log(tmp_path):
    """Write a training's log."""

    def write(text: str, age: float = 0.0):
        path = tmp_path / "seed0.log"
        path.write_text(text)
        os.utime(path, (time.time() - age,) * 2)
        return path

    return write


def test_a_log_is_read_back_as_the_loop_writes_it(run, log, capsys):
    _, progress = run(epochs=3)
    lines = capsys.readouterr().out.splitlines(keepends=True)
    last = progress.history[1]
    read = read_log(STUDENT, log("".join(lines[:2]), age=5))
    assert (read.epoch, read.epochs) == (2, 3)
    assert read.accuracy == pytest.approx(100 * last["validation_accuracy"], abs=0.006)
    assert read.speed == round(last["images_per_second"])
    assert read.age == pytest.approx(5, abs=2)
    assert not read.has_ended
    assert read_log(STUDENT, log("".join(lines))).epoch == 3


def test_a_distillations_log_is_read_too(log):
    line = "epoch   3/12  loss 1.2 (hard 0.5, soft 1.3)  train 50.00%  validation 61.20%  90 images/s  45 s left\n"
    read = read_log(STUDENT, log(line))
    assert (read.epoch, read.epochs, read.accuracy, read.speed, read.seconds_per_epoch) == (3, 12, 61.2, 90, 5)


def test_no_log_is_no_training(tmp_path):
    assert read_log(STUDENT, tmp_path / "none.log") is None


@pytest.mark.parametrize(
    ("said", "epoch", "ended"),
    [
        ("", 0, False),
        ("continuing after epoch 7 from results/x/resume.pt\n", 7, False),
        ("this job waits for a GPU\n", 0, False),
        ("stopped by SIGTERM in epoch 3; the same command continues\n", 0, True),
        ("error: the loss is nan in epoch 3\n", 0, True),
        ("Traceback (most recent call last):\n  File ...\nKeyError: 'x'\n", 0, True),
        ("Traceback (most recent call last):\n  File ...\ntorch.AcceleratorError: CUDA error\n", 0, True),
    ],
)
def test_what_a_log_says_before_its_first_epoch(log, said, epoch, ended):
    read = read_log(STUDENT, log(said))
    assert (read.epoch, read.accuracy, read.has_ended) == (epoch, None, ended)


def test_time_left_counts_on_between_two_epochs():
    assert training(age=4).seconds_left == 56
    assert training(age=4).fraction == pytest.approx(2.4 / 8)
    assert training(age=500).seconds_left == 0
    assert training(age=500).fraction == pytest.approx(3 / 8)


def test_the_whole_takes_what_its_arms_were_seen_to_take():
    others = [Run("student", "resnet_T4_w0.1", 1), Run("student", "labels", 0), Run("mlp", "labels", 0)]
    taken = {TEACHER: 300.0}
    running = [training()]  # 80 seconds in all, 56 left: so a student's arm and model take 80
    assert seconds_left([], running, taken) == 56
    assert seconds_left(others[:2], running, taken) == 56 + 80 + 80
    assert seconds_left(others[2:], running, taken) == 56 + (80 + 300) / 2  # of a model not seen yet
    assert seconds_left(others[:2], [training(), training(TEACHER)], taken) == (56 + 56 + 80 + 80) / 2
    assert seconds_left(others, [], {}) is None


def test_one_long_training_is_not_divided_among_many():
    long = training(seconds_per_epoch=100.0)
    assert seconds_left([], [long, training(), training(TEACHER)], {}) == long.seconds_left


@pytest.mark.parametrize("width", [40, 60, 79, 100, 200])
@pytest.mark.parametrize("height", [5, 24, 60])
def test_no_line_is_wider_and_no_frame_higher_than_the_terminal(width, height):
    running = [training(Run("student", "resnet_T4_w0.1_on-a-quarter-of-all-images", seed)) for seed in range(50)]
    whole = Whole(30, 2520, ("about 3 h 26 left", "40 of 3000 jobs", "1 failed"), others=("evaluate_runs",) * 9)
    lines = frame(running, whole, width, height)
    assert max(map(len, lines)) <= width
    assert len(lines) <= height
    assert lines[-1].startswith("30 of 2520 trainings")


def test_eighty_columns_show_all_of_a_training():
    lines = frame([training()], Whole(3, 8, ("about 1:15 left", "6 of 31 jobs")), 79, 23)
    assert lines == [
        "training                                   epoch  validation  images/s     left",
        "student resnet_T4_w0.1 seed 0 ━━───────      2/8     91.50 %    12,345     0:56",
        "3 of 8 trainings              ━━━──────  about 1:15 left, 6 of 31 jobs",
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3600, "1 h 00"), (7380, "2 h 03"), (3e5, "3 days")],
)
def test_a_clock_shows(seconds, shown):
    assert clock(seconds) == shown


def test_a_screen_goes_back_over_what_it_drew(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    screen = Screen(stream, colour=False)
    screen.draw([training()], Whole(0, 8))
    assert stream.getvalue().count("\n") == 3
    stream.truncate(0)
    monkeypatch.setenv("COLUMNS", "40")  # a narrowed terminal has wrapped two of the lines
    screen.erase()
    assert stream.getvalue().lstrip("\0") == "\033[6F\033[J"


@pytest.fixture
def study(tmp_path):
    """A study's folder as it is while a teacher is done and a student trains."""
    config = yaml.safe_load((CHECKOUT / "config.yaml").read_text())
    update_config(config, yaml.safe_load((CHECKOUT / TINY).read_text()))
    results = tmp_path / "results" / "tiny"
    for run, said in ((TEACHER, "epoch   2/2"), (STUDENT, "epoch   1/4")):
        path = results / "logs" / f"{run.folder}.log"
        path.parent.mkdir(parents=True)
        path.write_text(f"{said}  loss 1.0  train 80.00%  validation 81.00%  900 images/s  30 s left\n")
    (results / TEACHER.folder).mkdir(parents=True)
    (results / TEACHER.folder / "metrics.json").write_text("{}")
    benchmark = results / "benchmarks" / f"{TEACHER.folder}.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\th:m:s\tmax_rss\n60.5\t0:01:00\t-\n")
    (results / "design.json").write_text(json.dumps(design_of(config)))
    return results


def test_a_study_is_watched_by_its_files(study, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["watch_study.py", str(study)])
    watch_study.main()
    heading, running, whole = capsys.readouterr().out.splitlines()
    assert heading.split() == ["training", "epoch", "validation", "images/s", "left"]
    assert running.startswith("student resnet_T4_w0.1 seed 0 ")
    assert running.split()[-5:] == ["1/4", "81.00", "%", "900", "0:30"]
    design = json.loads((study / "design.json").read_text())
    assert whole.startswith(f"1 of {len(runs_of(design))} trainings")
    assert whole.endswith("about 1:50 left")  # 30 s of it, and two students more that take 40 s as this one


@pytest.mark.parametrize("cut", ["", "s\th:m:s\tmax_rss\n"])
def test_a_benchmark_that_was_cut_off_is_none(study, cut):
    assert seconds_of(study, TEACHER) == 60.5
    (study / "benchmarks" / f"{TEACHER.folder}.tsv").write_text(cut)
    assert seconds_of(study, TEACHER) is None


def test_a_training_that_stopped_is_not_shown_as_running(study, monkeypatch, capsys):
    log = study / "logs" / f"{STUDENT.folder}.log"
    log.write_text(log.read_text() + "stopped by SIGTERM in epoch 2; the same command continues\n")
    monkeypatch.setattr("sys.argv", ["watch_study.py", str(study)])
    watch_study.main()
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 1
    assert said.endswith("  1 stopped\n")


def test_a_folder_of_no_study_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["watch_study.py", str(tmp_path)])
    with pytest.raises(InputError, match=r"has no design\.json"):
        watch_study.main()
