"""Outputs that appear whole or not at all, and errors of one line."""

import json
import sys

import numpy as np
import pytest
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from dark_knowledge import command
from dark_knowledge.command import InputError, write_json, written_whole


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail_halfway(path) -> None:
    with written_whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("killed")


def test_the_file_appears_at_the_end_of_the_block(tmp_path):
    path = tmp_path / "new" / "table.csv"
    with written_whole(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent  # on one file system, so that the rename is atomic
    assert path.read_text() == "whole"
    assert names(path.parent) == ["table.csv"]


def test_the_file_is_renamed_not_copied(tmp_path):
    with written_whole(tmp_path / "table.csv") as temporary:
        temporary.write_text("whole")
        written = temporary.stat().st_ino
    assert (tmp_path / "table.csv").stat().st_ino == written


def test_a_failure_leaves_nothing_behind(tmp_path):
    with pytest.raises(RuntimeError, match="killed"):
        fail_halfway(tmp_path / "table.csv")
    assert names(tmp_path) == []


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="killed"):
        fail_halfway(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_json_is_written(tmp_path):
    write_json(tmp_path / "metrics.json", {"seed": 1, "nested": {"a": [1.5, None]}})
    text = (tmp_path / "metrics.json").read_text()
    assert json.loads(text) == {"seed": 1, "nested": {"a": [1.5, None]}}
    assert text.endswith("\n")


def test_unwritable_json_leaves_the_old_file(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"seed": 1})
    with pytest.raises(TypeError):
        write_json(path, {"seed": object()})
    assert json.loads(path.read_text()) == {"seed": 1}
    assert names(tmp_path) == ["metrics.json"]


def test_an_input_error_ends_a_command_in_one_line():
    def main():
        raise InputError("seeds is empty")

    with pytest.raises(SystemExit) as exit:
        command.run(main)
    assert exit.value.code == "error: seeds is empty"


@pytest.fixture
def logits_of_two_arms(tmp_path):
    """A folder with two files of logits, the second cut off."""
    for arm in ("sound", "cut"):
        (tmp_path / arm).mkdir()
        save_file({"logits": np.zeros(9, np.float32)}, tmp_path / arm / "logits.safetensors")
    cut = tmp_path / "cut" / "logits.safetensors"
    cut.write_bytes(cut.read_bytes()[:-1])
    return tmp_path


def test_of_the_files_in_a_folder_the_damaged_one_is_named(logits_of_two_arms, monkeypatch):
    sound, cut = (str(logits_of_two_arms / arm / "logits.safetensors") for arm in ("sound", "cut"))
    no_path = json.dumps({"seeds": list(range(500))})
    words = ["--data", sound, "--study", no_path, "--runs", str(logits_of_two_arms)]
    monkeypatch.setattr(sys, "argv", ["collect_results.py", *words])
    with pytest.raises(SystemExit) as exit:
        command.run(lambda: load_file(cut))
    assert exit.value.code.startswith(f"error: an input is damaged: {cut}; delete it ")


def test_an_error_that_no_damaged_file_explains_keeps_its_traceback(logits_of_two_arms, monkeypatch):
    sound = str(logits_of_two_arms / "sound" / "logits.safetensors")
    monkeypatch.setattr(sys, "argv", ["collect_results.py", "--data", sound])

    def main():
        with safe_open(sound, framework="np") as file:
            file.get_tensor("absent")

    with pytest.raises(SafetensorError):
        command.run(main)


def test_a_missing_file_ends_a_command_in_one_line(tmp_path):
    with pytest.raises(SystemExit) as exit:
        command.run((tmp_path / "absent").read_bytes)
    assert exit.value.code.startswith(f"error: No such file or directory: {tmp_path / 'absent'}")
    assert "\n" not in exit.value.code


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        command.run(lambda: 1 / 0)


def write_to_a_full_disk(path) -> None:
    with written_whole(path) as temporary:
        temporary.symlink_to("/dev/full")
        temporary.write_bytes(b"too much")


def test_a_full_disk_names_the_file(tmp_path):
    with pytest.raises(OSError, match="No space left") as error:
        write_to_a_full_disk(tmp_path / "full")
    assert error.value.filename == str(tmp_path / "full")
    assert names(tmp_path) == []
