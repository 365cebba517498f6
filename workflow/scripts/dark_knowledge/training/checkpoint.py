"""A training's progress and its checkpoint, from which a killed training goes on."""

import copy
import io
import json
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from dark_knowledge.command import host_memory_is_full, memory_is_full, written_whole


@dataclass
class Progress:
    """What a training has done so far, all of it plain values, so that a checkpoint loads with `weights_only`.

    `unfinished` holds the measured rows of an epoch that a signal cut short, beside its seconds and dropout's states.
    """

    history: list[dict] = field(default_factory=list)
    steps: list[dict] = field(default_factory=list)
    selected_epoch: int = -1
    selected_weights: dict[str, Tensor] = field(default_factory=dict)
    unfinished: list[list[float]] = field(default_factory=list)
    unfinished_seconds: float = 0.0
    random_states: list[Tensor] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        return len(self.history)


def save_checkpoint(
    path: Path, identity: dict, model: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress
) -> None:
    content = io.BytesIO()
    torch.save(
        {
            "identity": json.dumps(identity, sort_keys=True),
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "progress": vars(progress),
        },
        content,
    )
    with written_whole(path) as temporary:
        temporary.write_bytes(content.getvalue())


def resume(path: Path, identity: dict, model: nn.Module, optimiser: torch.optim.Optimizer) -> Progress | None:
    """Load a checkpoint into model and optimiser. One that is damaged or of another training is refused, aloud."""
    if not path.exists():
        return None
    untouched = copy.deepcopy((model.state_dict(), optimiser.state_dict()))
    try:
        with zipfile.ZipFile(path) as archive:  # torch reads over a flipped bit
            if (damaged := archive.testzip()) is not None:
                raise ValueError(f"the checksum of {damaged} does not fit")
        state = torch.load(path, weights_only=True, map_location=next(model.parameters()).device)
        if not isinstance(state, dict):
            raise TypeError("a checkpoint is a dictionary")
        same_training = state["identity"] == json.dumps(identity, sort_keys=True)
        if same_training:
            progress = Progress(**state["progress"])
            model.load_state_dict(state["model"])
            optimiser.load_state_dict(state["optimiser"])
    # A damaged or foreign file can make the unpickler, or what reads its content, raise anything.
    except Exception as error:
        if isinstance(error, OSError) or memory_is_full(error) or host_memory_is_full(error):
            raise  # the file may be whole, and the next attempt read it
        model.load_state_dict(untouched[0])
        optimiser.load_state_dict(untouched[1])
        print(
            f"{path} is not continued: it is damaged or no checkpoint ({type(error).__name__}); training starts afresh",
            file=sys.stderr,
        )
        return None
    if not same_training:
        print(
            f"{path} is not continued: it belongs to other settings, other code or another kind of machine; training "
            "starts afresh",
            file=sys.stderr,
        )
        return None
    print(f"continuing after epoch {progress.epoch} from {path}", flush=True)
    return progress
