"""The random streams: whatever a study draws at random comes from one of these, by its name and keys alone.

    split           split's seed    which training images validate
    training limit  split's seed    which training images are kept
    test limit      split's seed    which test images are kept
    test share      -               which pictures of a folder test, where it has no test part
    transfer set    split's seed    the part of the images that a transfer set draws
    weights         seed            a network's initial weights
    views           seed, epoch     order of the images, flips and shifts
    erasing         seed, epoch     rectangles of random erasing
    mixing          seed, epoch     partners and weights of MixUp
    dropout         seed, epoch     units that are dropped
    shuffle         seed            whose soft targets an image gets in a control

The same on every machine and device, since all are drawn on the CPU or begin at a number from here. The list is in this
text and not in the code, so that a new stream changes no other's fingerprint.
"""

from zlib import crc32

import numpy as np


def generator(stream: str, *keys: int) -> np.random.Generator:
    """NumPy's generator at the start of a stream."""
    return np.random.default_rng(_sequence(stream, keys))


def torch_seed(stream: str, *keys: int) -> int:
    """What torch.manual_seed takes to be at the start of a stream: 64 bits."""
    return int(_sequence(stream, keys).generate_state(1, np.uint64)[0])


def _sequence(stream: str, keys: tuple[int, ...]) -> np.random.SeedSequence:
    # The name is no further key: NumPy takes [seed] and [seed, 0] for the same.
    return np.random.SeedSequence(keys, spawn_key=(crc32(stream.encode()),))
