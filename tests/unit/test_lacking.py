"""What a machine lacks is skipped and told in the last lines; in CI it is a failure."""

import os
import subprocess
import sys
import textwrap

import pytest

from ..browser import conftest as browser
from ..cluster import conftest as cluster
from ..cluster import slurm
from ..conftest import CHECKOUT, undone


def without_chromium(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    browser.chromium()


def without_slurm(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(slurm, "SBIN", "/nowhere")
    cluster.require_slurm()


def without_devices(monkeypatch):
    monkeypatch.setattr(cluster, "missing_programs", list)
    monkeypatch.setattr(cluster, "may_make_devices", lambda: False)
    cluster.require_slurm()


def without_mounts(monkeypatch):
    with undone(["mount", "/nowhere/folder"], ["umount", "/nowhere/folder"]):
        pass


@pytest.mark.parametrize(
    ("lack", "reason"),
    [
        (without_chromium, "Chromium is missing; to install it: apt-get install .*chromium"),
        (without_slurm, "SLURM is missing .*munged.*; to install it: apt-get install .*slurmctld"),
        (without_devices, "SLURM cannot be given devices .*; run the tests as root"),
        (without_mounts, "no right to mount .*FOLDER.*; run the tests as root"),
    ],
)
@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_lack_is_skipped_and_in_ci_fails(monkeypatch, lack, reason, ci, outcome):
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match=reason):
        lack(monkeypatch)


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_the_last_lines_say_what_was_skipped(tmp_path, ci, code):
    (tmp_path / "test_parts.py").write_text(
        textwrap.dedent("""
            import pytest
            from tests.conftest import lacking

            @pytest.mark.parametrize("number", range(3))
            def test_of_a_part(number):
                lacking("the part is missing", "install it")

            def test_of_nothing():
                pass
        """)
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "--rootdir", tmp_path, "test_parts.py"],
        cwd=tmp_path, env=os.environ | {"CI": ci, "PYTHONPATH": str(CHECKOUT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    last = done.stdout.splitlines()[-2:]
    if ci:
        assert "3 failed, 1 passed" in last[-1]
    else:
        assert last == ["Tests that were skipped:", "  3: the part is missing; install it"]
