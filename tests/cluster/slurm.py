"""A real SLURM of one node on the loopback address, its state in one folder: for tests, never for work.

The node claims more processors and memory than it has, and two GPUs that are null devices. Runs as root or as a user
who may make device files; no systemd, no cgroups, no accounting database.
"""

import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
from itertools import islice
from pathlib import Path

import psutil

SBIN = "/usr/sbin:/sbin"
PROGRAMS = ("slurmctld", "slurmd", "squeue", "munged")

SLURM_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# a requeued job is held until its credential has expired: two minutes, were this not set
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
# no cgroups, no binding to processors
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
# the node claims more than it has
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
# memory is looked at each second, and a job above its --mem is killed
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/finished.log
# quick reactions
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
MinJobAge=600
KillWait=2
CompleteWait=0
OverTimeLimit=0
BatchStartTimeout=1
SlurmdTimeout=5
SlurmctldTimeout=30
InactiveLimit=0
# a node that was lost is used again as soon as it answers
ReturnToService=2
JobRequeue=1
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=32000 Gres=gpu:fake:2 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=1440 DefaultTime=10 State=UP
PartitionName=gpu Nodes={host} MaxTime=1440 DefaultTime=10 State=UP
"""


def missing_programs() -> list[str]:
    """Programs of SLURM that are not installed."""
    path = f"{os.environ['PATH']}:{SBIN}"
    return [program for program in PROGRAMS if not shutil.which(program, path=path)]


def may_make_devices() -> bool:
    """Whether this user may make device files."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(["mknod", f"{folder}/null", "c", "1", "3"], capture_output=True).returncode == 0


class Slurm:
    """The cluster; a context manager that starts it and takes it down, whatever happened in between."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short: a socket's path has a limit of 108 characters
        self.host = socket.gethostname().split(".")[0]
        bin = self.folder / "bin"
        self.environment = os.environ | {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{bin}:{os.environ['PATH']}:{SBIN}",
        }
        self._write_files(bin)

    def _write_files(self, bin: Path) -> None:
        for name in ("state", "spool", "munge", "gpu", "bin"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        (self.folder / "munge").chmod(0o700)
        key = self.folder / "munge" / "key"
        key.touch(0o600)
        key.write_bytes(os.urandom(128))
        controller_port, node_port = _free_ports(2)
        (self.folder / "slurm.conf").write_text(
            SLURM_CONF.format(
                host=self.host,
                folder=self.folder,
                user=_user(),
                controller_port=controller_port,
                node_port=node_port,
            )
        )
        for number in range(2):
            self._call("mknod", str(self.folder / f"gpu/fake{number}"), "c", "1", "3")
        (self.folder / "gres.conf").write_text(
            f"AutoDetect=off\nNodeName={self.host} Name=gpu Type=fake File={self.folder}/gpu/fake[0-1]\n"
        )
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        # The executor's inner srun is started without SLURM_CONF, but this cluster's configuration is not in /etc.
        srun = shutil.which("srun")
        (bin / "srun").write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {srun} "$@"\n')
        (bin / "srun").chmod(0o755)

    def __enter__(self) -> "Slurm":
        munge = self.folder / "munge"
        self._call(
            "munged", "--force", "--num-threads=2", f"--key-file={munge}/key", f"--socket={munge}/socket",
            f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed",
        )  # fmt: skip
        self._call("slurmctld", "-i")
        self.start_node()
        return self

    def __exit__(self, *_) -> None:
        try:
            self._call("scancel", f"--user={_user()}")
            self.wait_until(lambda: not self.queue(), "an empty queue")
        finally:
            for name in ("slurmd.pid", "slurmctld.pid", "munge/pid"):
                _end(self.folder / name)
            shutil.rmtree(self.folder)

    def start_node(self) -> None:
        """Start the node's daemon and wait until the controller sees it."""
        self._call("slurmd", "-N", self.host)
        self.wait_until(lambda: self._call("sinfo", "-h", "-o", "%T").split()[0] in ("idle", "mixed"), "a node at work")

    def kill_node(self) -> None:
        """Let the node crash: its daemon and everything that runs on it are killed at once. `start_node` reboots it."""
        daemon = psutil.Process(int((self.folder / "slurmd.pid").read_text()))
        steps = {step for process in psutil.process_iter() if self._is_ours(process) for step in _steps_above(process)}
        for process in [daemon, *steps, *(child for step in steps for child in step.children(recursive=True))]:
            process.kill()

    def _is_ours(self, process: psutil.Process) -> bool:
        """Whether a process belongs to a job of this cluster."""
        try:
            environment = process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return "SLURM_JOB_ID" in environment and environment.get("SLURM_CONF") == self.environment["SLURM_CONF"]

    def queue(self) -> dict[str, str]:
        """State of each job that has not ended, by its number."""
        rows = self._call("squeue", "-h", "-o", "%i %T").splitlines()
        return dict(row.split() for row in rows)

    def job(self, number: str) -> dict[str, str]:
        """All that SLURM knows about a job, ended ones too."""
        return dict(re.findall(r"(\S+?)=(\S*)", self._call("scontrol", "show", "job", number)))

    def jobs(self) -> list[dict[str, str]]:
        """All jobs so far, as `job` shows each."""
        text = self._call("scontrol", "show", "job", "--oneliner")
        return [dict(re.findall(r"(\S+?)=(\S*)", row)) for row in text.splitlines() if row.startswith("JobId=")]

    def scontrol(self, *words: str) -> None:
        self._call("scontrol", *words)

    def scancel(self, number: str) -> None:
        self._call("scancel", number)

    def wait_until(self, condition, what: str, seconds: float = 240) -> None:
        """Wait until `condition()` holds; after `seconds` say what was waited for."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {seconds} s for {what}; the queue is {self.queue()}")
            time.sleep(0.1)

    def _call(self, *words: str) -> str:
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout


def _steps_above(process: psutil.Process) -> list[psutil.Process]:
    return [parent for parent in process.parents() if parent.name() == "slurmstepd"]


def _user() -> str:
    return psutil.Process().username()


def _free_ports(count: int) -> list[int]:
    """Ports below those that Linux gives to connections: nobody takes the node's while its daemon is down."""
    ports = random.sample(range(10_000, 32_768), 100)
    return list(islice(filter(_is_free, ports), count))


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


def _end(pid_file: Path) -> None:
    """End the daemon that wrote `pid_file`, and only that one."""
    if not pid_file.exists():
        return
    try:
        daemon = psutil.Process(int(pid_file.read_text()))
        daemon.terminate()
        daemon.wait(10)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        daemon.kill()
