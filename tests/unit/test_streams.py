"""The list of random streams is whole, and no two of them coincide."""

import ast
import re
from itertools import combinations

import numpy as np
import torch

from dark_knowledge import streams
from dark_knowledge.streams import generator, torch_seed

NAMES = re.findall(r"^    (\S.*?)  +(?:\S)", streams.__doc__, flags=re.MULTILINE)
ONE_KEY, TWO_KEYS = [(0,), (1,), (2**32,)], [(0, 1), (1, 0), (1, 7), (2**32, 1)]


def test_no_two_streams_coincide():
    drawn = {}
    for stream in NAMES:
        for keys in TWO_KEYS if "seed, epoch" in line_of(stream) else ONE_KEY:
            drawn[stream, keys] = generator(stream, *keys).integers(0, 2**63, 4)
            of_torch = torch.Generator().manual_seed(torch_seed(stream, *keys))
            drawn[stream, keys, "torch"] = torch.randint(2**62, (4,), generator=of_torch).numpy()
    for (name, one), (other_name, other) in combinations(drawn.items(), 2):
        assert not np.intersect1d(one, other).size, (name, other_name)


def line_of(stream: str) -> str:
    return next(line for line in streams.__doc__.splitlines() if line.startswith(f"    {stream}  "))


def test_a_stream_is_its_name_and_keys_alone():
    np.random.seed(1)
    first = generator("views", 3, 4).random(), torch_seed("weights", 3)
    np.random.seed(2)
    assert (generator("views", 3, 4).random(), torch_seed("weights", 3)) == first


def test_streams_are_fixed_for_good():
    """Published runs come from them."""
    assert generator("views", 5, 1).integers(1000, size=3).tolist() == [546, 332, 323]
    assert torch_seed("weights", 5) == 5998951526131906896


def test_every_stream_is_in_the_list_and_nothing_is_drawn_from_anywhere_else(root):
    """But for the statistics, whose resampling has a fixed seed of its own."""
    named = set()
    for path in (root / "workflow" / "scripts").rglob("*.py"):
        if "analysis" in path.parts or path.name == "streams.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("default_rng", "SeedSequence", "RandomState"), path
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("generator", "torch_seed"):
                named.add(ast.literal_eval(node.args[0]))
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("manual_seed"):
                assert ast.unparse(node.args[0]).startswith("torch_seed("), path
    assert named == set(NAMES)
