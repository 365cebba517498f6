"""What docs/speed.md says was measured stands in benchmarks/results."""

import re

import pandas as pd

from .pages import ROOT, on_one_line, read

BENCHMARKS = ROOT / "benchmarks" / "results"


def test_the_performance_table_is_of_the_committed_benchmarks():
    page = re.sub(r"^## On a GPU$.*?(?=^## )", "", read("docs/speed.md"), flags=re.M | re.S)
    measured = "".join(path.read_text() for path in BENCHMARKS.glob("*.md"))
    rows = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) > 10
    for row in rows:
        assert f"{row}\n" in measured


def test_what_speed_says_of_a_gpu_is_what_the_kit_measured():
    page = read("docs/speed.md")
    table = pd.read_csv(BENCHMARKS / "gpu_nvidia-h100-80gb-hbm3.csv").set_index(["part", "what"]).value
    found = pd.to_numeric(table, errors="coerce")
    for name, net in {
        "distillation": "student",
        "plain teacher on labels": "plain-teacher",
        "resnet on labels": "resnet",
    }.items():
        speeds = [found[net, f"{net}, {way}: speed"] for way in ("eager", "graph", "tutorial")]
        assert "| {} | {:,.0f} | {:,.0f} | {:,.0f} |".format(name, *speeds) in page
    shared = {
        (way, part): [found[part, f"{jobs} jobs, {way}"] for jobs in (1, 2, 4, 8, 16)]
        for part in ("sharing", "sharing under MPS")
        for way in ("eager", "graph")
    }
    for jobs, *speeds in zip((1, 2, 4, 8, 16), *shared.values(), strict=True):
        eager, graph, eager_mps, graph_mps = (f"{speed:,.0f}" for speed in speeds)
        assert f"| {jobs} | {eager} | {graph} | {eager_mps} | {graph_mps} |" in page
    eager, best = (shared[way, "sharing under MPS"][-1] for way in ("eager", "graph"))
    assert best == max(max(speeds) for speeds in shared.values())
    assert f"best way measured ({best / eager:.2f})" in page
    epoch, graph, tutorial = (found["student", f"student, {way}: speed"] for way in ("eager", "graph", "tutorial"))
    text = on_one_line("docs/speed.md")
    assert f"({epoch / tutorial:.1f} times, {graph / tutorial:.1f} as a graph)" in text
    assert f"is {eager / tutorial:.0f} times what one tutorial loop does" in text
    full = [found["summary", f"full study, {way}, extrapolated from the parts above"] for way in ("eager", "graph")]
    assert "{:.0f} minutes under MPS, {:.0f} as graphs".format(*full) in text
    assert f"{found['compiled', 'student, compiled: speed']:,.0f} images a second, less" in text
