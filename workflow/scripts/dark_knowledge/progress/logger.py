"""Snakemake's log on a terminal: a line for each job that has ended, errors in full, and below them what runs.

A log handler like those of Snakemake's plugins, but one that a checkout brings along: Snakemake finds plugins among
installed packages only, and a profile that asks for one that is not there fails. So the workflow puts it in the place
of the handler that writes to the terminal; Snakemake's own log file keeps everything.
"""

import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from logging import Logger, LogRecord
from pathlib import Path

from snakemake.logging import ColorizingTextHandler
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from dark_knowledge.progress.screen import Screen, Whole, can_show, clock, time_left
from dark_knowledge.progress.trainings import Run, Training, is_done, log_of, read_log, seconds_left, seconds_of

PERIOD = 0.5  # seconds between two looks at the logs
CHATTER = ("Select jobs to execute...", "Removing temporary output")  # said anew whenever a job has ended
STOPPING = "Terminating processes on user request"  # after it, jobs that end in an error are those that were stopped
BY_SIGNAL = re.compile(r"returned non-zero exit status 1(30|43)\.$")  # a shell's words for SIGINT and SIGTERM


@dataclass(frozen=True)
class _Job:
    """A job that runs. `run` is the training that it is; None for any other."""

    name: str
    run: Run | None
    started: float


class TerminalProgress(LogHandlerBase):
    """Prints Snakemake's records by its own handler, `plain`, and holds the running trainings below them.

    `results`: the study's folder. `runs`: all its trainings. `logs`: those of the jobs that Snakemake is to run.
    """

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __init__(self, plain: ColorizingTextHandler, results: Path, runs: list[Run], logs: Iterable[str]):
        super().__init__(common_settings=None, settings=None)
        self.plain, self.results = plain, results
        self.screen = Screen(plain.stream, colour=not plain.nocolor)
        planned = set(logs)
        self.waiting = {log: run for run in runs if (log := str(log_of(results, run))) in planned}
        done = [run for run in set(runs) - set(self.waiting.values()) if is_done(results, run)]
        self.of = len(done) + len(self.waiting)  # whoever asks for a part of the study has no others
        self.taken: dict[Run, float] = {}
        for run in done:
            self._take_note(run)
        self.jobs: dict[int, _Job] = {}
        self.failed: set[int] = set()
        self.progress = ""
        self.stopping = False
        self._end = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def emit(self, record: LogRecord) -> None:
        """Take note of a record about a job; print whatever the lines below do not tell."""
        try:
            self._note(record)
            self._draw()
        except Exception:  # as in every log handler: what cannot be shown must not end the study
            self.handleError(record)

    def close(self) -> None:
        """Leave the line of the whole where it is; whatever follows is printed below it."""
        with self.lock:
            if not self._end.is_set():
                self._end.set()
                self.screen.draw([], self._whole([]))
        super().close()

    def _note(self, record: LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            self._start_job(record)
        elif event == LogEvent.JOB_FINISHED:
            self._finish_job(record.job_id)
        elif event == LogEvent.PROGRESS:
            self.progress = f"{record.done} of {record.total} jobs"
        elif event == LogEvent.JOB_ERROR and (stopped := self._how_stopped(record.jobid)):
            self._end_job(self.jobs.pop(record.jobid), stopped)
        elif event not in (LogEvent.JOB_STARTED, LogEvent.GROUP_INFO) and not _is_chatter(record):
            for number in _failed_jobs(record):
                self.jobs.pop(number, None)
                self.failed.add(number)
            self.stopping |= str(record.msg).startswith(STOPPING)
            self.screen.erase()
            self.plain.handle(record)

    def _start_job(self, record: LogRecord) -> None:
        name = " ".join([record.rule_name, *map(str, dict(record.wildcards or {}).values())])
        run = self.waiting.get(str(record.log[0])) if record.log else None
        self.failed.discard(record.jobid)  # a failed job that is tried again
        self.jobs[record.jobid] = _Job(name, run, time.time())

    def _finish_job(self, number: int) -> None:
        job = self.jobs.pop(number, None)
        if job is None:
            return
        seconds, end = time.time() - job.started, ""
        if job.run is not None:
            del self.waiting[str(log_of(self.results, job.run))]
            self._take_note(job.run)
            seconds = self.taken.get(job.run, seconds)  # without the wait of a cluster's queue
            training = self._read(job)
            if training and training.accuracy is not None:
                end = f", {training.accuracy:.2f} % on validation"
        self._end_job(job, f"{clock(seconds)}{end}")

    def _how_stopped(self, number: int) -> str:
        """What is said of a job that was stopped, and nothing of one that failed.

        A stopped training says so in its log. Ctrl-C reaches a job and Snakemake at once, so a job's end may be
        reported before Snakemake says that it stops.
        """
        job = self.jobs.get(number)
        training = self._read(job) if job and job.run else None
        if training and training.was_stopped:
            return training.said.partition(";")[0]
        return "stopped" if job and self.stopping else ""

    def _end_job(self, job: _Job, how: str) -> None:
        """A line of ours, above those that are drawn."""
        self.screen.erase()
        self.plain.stream.write(f"{time.strftime('%H:%M:%S')}  {job.run or job.name}, {how}\n")

    def _take_note(self, run: Run) -> None:
        seconds = seconds_of(self.results, run)
        if seconds is not None:
            self.taken[run] = seconds

    def _read(self, job: _Job) -> Training | None:
        return read_log(job.run, log_of(self.results, job.run))

    def _watch(self) -> None:
        """Look at the logs again and again until the end."""
        while not self._end.wait(PERIOD):
            with self.lock:
                try:
                    self._draw()
                except OSError:  # a shared file system may not answer now and answer in a moment
                    continue

    def _draw(self) -> None:
        if self._end.is_set():
            return
        running = [training for job in self.jobs.values() if job.run and (training := self._read(job))]
        others = [job.name for job in self.jobs.values() if not job.run]
        rest = set(self.waiting.values()) - {training.run for training in running}
        notes = [time_left(seconds_left(rest, running, self.taken))] if self.waiting else []
        self.screen.draw(running, self._whole(notes, others))

    def _whole(self, notes: list[str], others: Iterable[str] = ()) -> Whole:
        notes = [*notes, self.progress, f"{len(self.failed)} failed" if self.failed else ""]
        return Whole(self.of - len(self.waiting), self.of, tuple(filter(None, notes)), tuple(others))


def _is_chatter(record: LogRecord) -> bool:
    """Whether a record says nothing that the lines for each job do not say."""
    return str(record.msg).startswith(CHATTER) or BY_SIGNAL.search(str(record.msg)) is not None


def _failed_jobs(record: LogRecord) -> list[int]:
    """Numbers of the jobs that a record reports as failed."""
    event = getattr(record, "event", None)
    if event == LogEvent.JOB_ERROR:
        return [record.jobid]
    return [info["jobid"] for info in record.job_error_info] if event == LogEvent.GROUP_ERROR else []


def show_on_terminal(logger: Logger, results: Path, runs: list[Run], logs: Iterable[str]) -> None:
    """Let `logger` show progress, if it writes to a terminal by Snakemake's own handler."""
    for plain in logger.handlers:
        if plain.name == "DefaultStreamHandler" and can_show(plain.stream):
            logger.removeHandler(plain)
            logger.addHandler(TerminalProgress(plain, results, runs, logs))


def end_on_terminal(logger: Logger) -> None:
    """The opposite: Snakemake's own handler writes again."""
    for handler in logger.handlers:
        if isinstance(handler, TerminalProgress):
            handler.close()
            logger.removeHandler(handler)
            logger.addHandler(handler.plain)
