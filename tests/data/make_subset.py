"""Cut a small part out of a data set for the tests: the first images of every class, in the order of the files.

    python tests/data/make_subset.py DATASET FOLDER

DATASET is fashion-mnist or mnist. FOLDER holds the four files of the whole data set, plain or gzip-compressed; they are
verified against config.yaml. The subset is written to tests/data/DATASET/ in the same form and under the same names.
Fashion-MNIST is copyright (c) 2017 Zalando SE, https://github.com/zalandoresearch/fashion-mnist, and free under the MIT
licence. MNIST is by Yann LeCun, Corinna Cortes and Christopher Burges, under the licence CC BY-SA 3.0.
"""

import argparse
import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import yaml

HERE = Path(__file__).parent
NAMES = {"train": "train", "test": "t10k"}
PER_CLASS = {"train": 60, "test": 20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=["fashion-mnist", "mnist"])
    parser.add_argument("folder", type=Path, help="the four files of the whole data set")
    arguments = parser.parse_args()
    config = yaml.safe_load((HERE.parents[1] / "config.yaml").read_text(encoding="utf-8"))
    checksums = config["datasets"][arguments.dataset]["sha256"]
    out = HERE / arguments.dataset
    out.mkdir(exist_ok=True)
    for part, name in NAMES.items():
        images = read(arguments.folder, f"{name}-images-idx3-ubyte", checksums[f"{part}_images"])
        labels = read(arguments.folder, f"{name}-labels-idx1-ubyte", checksums[f"{part}_labels"])
        kept = np.sort(np.concatenate([np.flatnonzero(labels == c)[: PER_CLASS[part]] for c in np.unique(labels)]))
        write(out / f"{name}-images-idx3-ubyte.gz", images[kept])
        write(out / f"{name}-labels-idx1-ubyte.gz", labels[kept])


def read(folder: Path, name: str, checksum: str) -> np.ndarray:
    path = folder / name
    payload = path.read_bytes() if path.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
    if hashlib.sha256(payload).hexdigest() != checksum:
        raise SystemExit(f"error: {path} has another SHA-256 than config.yaml; fetch it again")
    axes = payload[3]
    shape = struct.unpack(f">{axes}I", payload[4 : 4 + 4 * axes])
    return np.frombuffer(payload, np.uint8, offset=4 + 4 * axes).reshape(shape)


def write(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0))
    print(f"{path}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
