"""Sources of the IDX files, in order: folders, mirrors on a local server, and a Debian package without apt."""

import gzip
import hashlib
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

import pytest

from dark_knowledge.command import InputError
from dark_knowledge.data import sources

FILE = "t10k-labels-idx1-ubyte"
GOOD = b"\0\0\x08\x01\0\0\0\x03abc"
BAD = b"\0\0\x08\x01\0\0\0\x03abd"


@pytest.fixture(autouse=True)
def _no_other_source(tmp_path, monkeypatch):
    monkeypatch.delenv("DARK_KNOWLEDGE_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(sources, "SYSTEM_FOLDER", tmp_path / "system")
    sources._unpacked.cache_clear()


@pytest.fixture
def mirror():
    """A web server: maps paths to contents, and keeps the paths that were asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            content = server.contents.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"") + server.withheld))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.contents, server.asked, server.withheld = {}, [], 0
    server.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def put(folder: Path, content: bytes = GOOD, name: str = FILE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def fetch(checksum: str | None = hashlib.sha256(GOOD).hexdigest(), **source) -> tuple[bytes, str]:
    return sources.fetch_part("tiny", "test_labels", {"sha256": {"test_labels": checksum}} | source)


def refusal(**source) -> str:
    with pytest.raises(InputError) as error:
        fetch(**source)
    assert "\n" not in str(error.value)
    assert FILE in str(error.value)
    return str(error.value)


def test_without_a_checksum_the_named_folder_alone_is_asked(tmp_path, monkeypatch, mirror):
    put(tmp_path / "others")
    monkeypatch.setenv("DARK_KNOWLEDGE_DATA", str(tmp_path / "others"))
    mirror.contents[f"/{FILE}.gz"] = gzip.compress(GOOD)
    mistyped = {"folder": str(tmp_path / "mien"), "mirrors": [mirror.address]}
    assert str(tmp_path / "others") not in refusal(checksum=None, **mistyped)
    assert not mirror.asked
    assert fetch(**mistyped)[1] == str(tmp_path / "others" / FILE)  # its checksum says that it is the one
    assert fetch(checksum=None, folder=str(put(tmp_path / "mine", BAD).parent))[0] == BAD


def apt(monkeypatch, content: bytes | None = gzip.compress(GOOD)) -> list[list[str]]:
    """Stand in for apt-get and dpkg-deb: the last command leaves the package's files below its folder."""
    commands = []

    def run(command, cwd, **options):
        commands.append(command)
        assert options["check"]
        if content is None:
            raise subprocess.CalledProcessError(100, command, stderr=b"E: Unable to locate\npackage")
        if "dpkg-deb" in command[-1]:
            put(Path(cwd, *sources.SYSTEM_FOLDER.parts[1:], "tiny"), content, f"{FILE}.gz")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_sources_are_tried_in_order(tmp_path, monkeypatch, mirror):
    commands = apt(monkeypatch)
    monkeypatch.setenv("DARK_KNOWLEDGE_DATA", str(tmp_path / "env"))
    mirror.contents = {f"/{place}/{FILE}.gz": gzip.compress(GOOD) for place in ("first", "second")}
    local = [put(tmp_path / place) for place in ("config", "env/tiny", "env", "system/tiny")]
    expected = [str(path) for path in local]
    expected += [f"{mirror.address}/{place}/{FILE}.gz" for place in ("first", "second")]
    source = {
        "folder": str(tmp_path / "config"),
        "mirrors": [f"{mirror.address}/first", f"{mirror.address}/second/"],
        "debian_package": "dataset-tiny",
    }
    found = []
    while len(found) < 7:
        payload, origin = fetch(**source)
        assert payload == GOOD
        found.append(origin)
        if local:
            assert mirror.asked == []
            local.pop(0).unlink()
        else:
            mirror.contents.pop(origin.removeprefix(mirror.address), None)
            assert bool(commands) == (len(found) == 7)
    assert found == [*expected, "Debian package dataset-tiny"]


def test_plain_is_taken_before_compressed(tmp_path):
    plain = put(tmp_path, GOOD)
    compressed = put(tmp_path, gzip.compress(GOOD), f"{FILE}.gz")
    assert fetch(folder=str(tmp_path)) == (GOOD, str(plain))
    plain.unlink()
    assert fetch(folder=str(tmp_path)) == (GOOD, str(compressed))


def test_another_checksum_moves_on(tmp_path, mirror):
    put(tmp_path, BAD)
    mirror.contents[f"/{FILE}.gz"] = gzip.compress(GOOD)
    payload, origin = fetch(folder=str(tmp_path), mirrors=[mirror.address])
    assert payload == GOOD
    assert origin == f"{mirror.address}/{FILE}.gz"


def test_another_checksum_is_named(tmp_path):
    path = put(tmp_path, BAD)
    message = refusal(folder=str(tmp_path))
    found, expected = (hashlib.sha256(content).hexdigest() for content in (BAD, GOOD))
    assert f"{path} has SHA-256 {found}, expected {expected}" in message


def test_no_checksum_accepts_any_file(tmp_path):
    put(tmp_path, BAD)
    assert fetch(None, folder=str(tmp_path))[0] == BAD


WHOLE = gzip.compress(GOOD * 50)
BROKEN = {
    "truncated": WHOLE[:-9],
    "corrupt": WHOLE[:10] + b"\xff" * 20 + WHOLE[30:],
    "wrong sum": WHOLE[:-8] + bytes(8),
    "header alone": WHOLE[:5],
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_archive_moves_on(tmp_path, mirror, content):
    path = put(tmp_path, content, f"{FILE}.gz")
    assert str(path) in refusal(folder=str(tmp_path))
    mirror.contents[f"/{FILE}.gz"] = gzip.compress(GOOD)
    assert fetch(folder=str(tmp_path), mirrors=[mirror.address])[0] == GOOD


@pytest.mark.parametrize("page", [b"<html>Not found</html>", GOOD[:-1], b"", b"\0\0\x08\x03" + bytes(12)])
def test_what_is_no_such_file_moves_on_where_no_checksum_tells(mirror, capsys, page):
    mirror.contents = {f"/bad/{FILE}.gz": page, f"/good/{FILE}.gz": gzip.compress(GOOD)}
    addresses = [f"{mirror.address}/{name}" for name in ("bad", "good")]
    assert fetch(None, mirrors=addresses) == (GOOD, f"{addresses[1]}/{FILE}.gz")
    assert f"passed over {addresses[0]}/{FILE}.gz" in capsys.readouterr().out
    message = refusal(checksum=None, mirrors=addresses[:1])
    mirror.contents[f"/bad/{FILE}.gz"] = gzip.compress(GOOD)
    assert "IDX file" in message
    assert fetch(None, mirrors=addresses[:1])[0] == GOOD  # a mirror that was mended is asked again


def test_a_damaged_file_of_ones_own_is_named_with_all_that_was_tried(tmp_path, mirror):
    path = put(tmp_path, b"<html>")
    message = refusal(checksum=None, folder=str(tmp_path), mirrors=[mirror.address])
    assert f"{path} is not an IDX file" in message
    message = refusal(folder=str(tmp_path), mirrors=[mirror.address])
    assert f"{path} has SHA-256" in message
    assert f"{mirror.address}/{FILE}.gz: HTTP Error 404" in message


@pytest.mark.parametrize("place", ["~nosuchuser/data", "/" + "x" * 300, "locked"])
def test_a_folder_that_cannot_be_read_is_passed_over(tmp_path, monkeypatch, mirror, capsys, place):
    def locked(self, *arguments):
        raise PermissionError(13, "Permission denied", str(self))

    if place == "locked":
        monkeypatch.setattr(Path, "iterdir", locked)
        monkeypatch.setattr(Path, "read_bytes", locked)
        monkeypatch.setattr(Path, "exists", locked)
    mirror.contents[f"/{FILE}.gz"] = gzip.compress(GOOD)
    monkeypatch.setenv("DARK_KNOWLEDGE_DATA", place)
    assert fetch(folder=place, mirrors=[mirror.address])[0] == GOOD
    assert f"passed over {place}" in capsys.readouterr().out


def test_a_download_cut_short_moves_on(mirror, tmp_path, monkeypatch):
    mirror.contents[f"/{FILE}.gz"] = gzip.compress(GOOD)
    mirror.withheld = 10
    apt(monkeypatch)
    origin = fetch(mirrors=[mirror.address], debian_package="dataset-tiny")[1]
    assert origin == "Debian package dataset-tiny"


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1", "http://127.0.0.1:port", "http://[::1", f"http://{'a' * 70}"]
)
def test_a_mirror_out_of_reach_is_named(address):
    assert address in refusal(mirrors=[address])


def test_a_missing_page_is_named(mirror):
    assert f"{mirror.address}/{FILE}.gz: HTTP Error 404" in refusal(mirrors=[mirror.address])


def test_a_folder_in_a_files_place_moves_on(tmp_path):
    (tmp_path / FILE).mkdir()
    compressed = put(tmp_path, gzip.compress(GOOD), f"{FILE}.gz")
    assert fetch(folder=str(tmp_path))[1] == str(compressed)


def test_no_source_at_all_says_what_to_do():
    message = refusal()
    assert "'tiny'" in message
    assert "datasets.tiny.folder" in message
    assert "DARK_KNOWLEDGE_DATA" in message


def test_a_folder_without_the_file_is_named(tmp_path):
    folder = tmp_path / "typo"
    assert str(folder) in refusal(folder=str(folder))


def test_a_variable_without_the_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("DARK_KNOWLEDGE_DATA", str(tmp_path / "typo"))
    assert str(tmp_path / "typo") in refusal()


def test_the_package_is_fetched_once_for_all_parts(monkeypatch):
    commands = apt(monkeypatch)
    for _ in range(2):
        assert fetch(debian_package="dataset-tiny")[0] == GOOD
    assert [command[0] for command in commands] == ["apt-get", "apt-get", "sh"]
    assert commands[0][-1] == "update"
    assert commands[1][-2:] == ["download", "dataset-tiny"]


def test_the_words_of_apt_are_in_the_error(monkeypatch):
    apt(monkeypatch, None)
    message = refusal(debian_package="dataset-tiny")
    assert "Debian package dataset-tiny: E: Unable to locate package" in message


def test_a_system_without_apt_is_named(monkeypatch):
    def run(command, **options):
        raise FileNotFoundError(2, "No such file or directory", command[0])

    monkeypatch.setattr(subprocess, "run", run)
    assert "apt-get" in refusal(debian_package="dataset-tiny")


@pytest.mark.parametrize(("cuts", "found"), [(0, True), (2, True), (3, False)])
def test_a_connection_that_fails_is_tried_again(mirror, monkeypatch, cuts, found):
    mirror.contents[f"/{FILE}.gz"] = gzip.compress(GOOD)
    opened, tries = sources.urllib.request.urlopen, []

    def cut(*arguments, **settings):
        tries.append(arguments)
        if len(tries) <= cuts:
            raise URLError("connection reset")
        return opened(*arguments, **settings)

    monkeypatch.setattr(sources.urllib.request, "urlopen", cut)
    if found:
        assert fetch(mirrors=[mirror.address])[0] == GOOD
    else:
        with pytest.raises(InputError, match="connection reset"):
            fetch(mirrors=[mirror.address])
    assert len(tries) == min(cuts + 1, 3)


def test_an_answer_that_nothing_is_there_is_not_asked_for_again(mirror):
    with pytest.raises(InputError, match="404"):
        fetch(mirrors=[mirror.address])
    assert mirror.asked == [f"/{FILE}.gz"]
