"""The command line that stores a teacher's logits: their cost stands beside them, never inside."""

import json
from dataclasses import asdict

import cache_teacher_logits
from safetensors.torch import save_file

from dark_knowledge.command import sha256
from dark_knowledge.data.parts import Split
from dark_knowledge.data.prepared import save_dataset
from dark_knowledge.data.preparing import prepare
from dark_knowledge.study.views import views_of


def test_the_cost_is_beside_the_logits_whose_bytes_are_always_the_same(
    idx_files, make_model, recipe, tmp_path, monkeypatch
):
    save_dataset(tmp_path / "data.safetensors", *prepare(idx_files, 10, Split(validation=100, seed=0)))
    weights = tmp_path / "weights.safetensors"
    save_file({name: value.contiguous() for name, value in make_model().state_dict().items()}, weights)
    (tmp_path / "metrics.json").write_text(json.dumps({"files": {"weights": sha256(weights)}}))
    stored = []
    for number in range(2):
        options = {
            "data": tmp_path / "data.safetensors",
            "architecture": json.dumps({"architecture": "plain", "channels": [4, 8], "pool": [True, True]}),
            "weights": weights,
            "views": json.dumps(views_of(asdict(recipe(epochs=3)))),
            "seed": 0,
            "split-seed": 0,
            "accelerator": "cpu",
            "precision": "float32",
            "out": tmp_path / f"{number}.safetensors",
            "record": tmp_path / f"{number}.json",
        }
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        monkeypatch.setattr("sys.argv", ["cache_teacher_logits.py", *arguments])
        cache_teacher_logits.main()
        cost = json.loads((tmp_path / f"{number}.json").read_text())
        assert cost["images"] == 3 * 500
        assert cost["seconds"] > 0
        stored.append((tmp_path / f"{number}.safetensors").read_bytes())
    assert stored[0] == stored[1]
