"""Seconds of work, without those in which the process stood still."""

import signal
import time


class Stopwatch:
    """Counts wall-clock seconds while this process runs, from the start of the `with` block.

    A process that a batch system or a terminal stops (SIGSTOP, SIGTSTP) learns of it by the SIGCONT that ends it. Of
    the time between the two readings around a stop, the processor time of the main thread counts: it works, launches
    or spins whenever a training goes on. A machine's own sleep is no part of either clock.
    """

    def __enter__(self) -> "Stopwatch":
        self._seconds, self._stopped = 0.0, False
        self._wall, self._busy = time.perf_counter(), time.thread_time()
        self._handler = signal.signal(signal.SIGCONT, self._continued)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGCONT, self._handler)

    def seconds(self) -> float:
        wall, busy = time.perf_counter(), time.thread_time()
        self._seconds += busy - self._busy if self._stopped else wall - self._wall
        self._wall, self._busy, self._stopped = wall, busy, False
        return self._seconds

    def _continued(self, *_: object) -> None:
        self._stopped = True
