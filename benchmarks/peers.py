"""The loops that people copy: PyTorch's distillation tutorial and torchdistill's training box, on this study's nets."""

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, RandomSampler
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

from dark_knowledge.data.prepared import Dataset

TEMPERATURE, HARD_WEIGHT = 4, 0.1


class ItemByItem(TorchDataset):
    """Images one at a time through transforms, as torchvision's FashionMNIST hands them out."""

    def __init__(self, data: Dataset):
        self.images, self.labels = data.train_images, data.train_labels
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(data.mean, data.std)])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index, 0].numpy(), mode="L")), int(self.labels[index])


def tutorial_epoch(
    student: nn.Module, teacher: nn.Module | None, data: Dataset, batch_size: int, workers: int, device="cpu"
):
    """One epoch as in "Knowledge Distillation Tutorial" (docs.pytorch.org); without a teacher, its plain training."""
    loader = DataLoader(ItemByItem(data), batch_size=batch_size, shuffle=True, num_workers=workers, drop_last=True)
    cross_entropy = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(student.parameters(), lr=0.001)

    def epoch() -> None:
        running_loss = 0.0
        student.train()
        for inputs, labels in loader:
            inputs, labels = inputs.to(device), labels.to(device)
            optimizer.zero_grad()
            student_logits = student(inputs)
            loss = cross_entropy(student_logits, labels)
            if teacher is not None:
                with torch.no_grad():
                    teacher_logits = teacher(inputs)
                soft_targets = nn.functional.softmax(teacher_logits / TEMPERATURE, dim=-1)
                soft_prob = nn.functional.log_softmax(student_logits / TEMPERATURE, dim=-1)
                soft_loss = torch.sum(soft_targets * (soft_targets.log() - soft_prob)) / soft_prob.size()[0]
                loss = (1 - HARD_WEIGHT) * soft_loss * TEMPERATURE**2 + HARD_WEIGHT * loss
            loss.backward()
            optimizer.step()
            running_loss += loss.item()

    return epoch


def torchdistill_epoch(student: nn.Module, teacher: nn.Module, data: Dataset, batch_size: int, workers: int):
    """One epoch through torchdistill's DistillationBox and KDLoss, as its image classification example runs it."""
    from torchdistill.core.distillation import DistillationBox

    modules = {"student_module_path": ".", "student_module_io": "output"}
    modules |= {"teacher_module_path": ".", "teacher_module_io": "output"}
    loss = {"key": "KDLoss", "kwargs": modules | {"temperature": TEMPERATURE, "alpha": HARD_WEIGHT}}
    terms = {"distillation": {"criterion": loss, "weight": 1.0}}
    box = DistillationBox(
        teacher,
        student,
        {"train": ItemByItem(data)},
        {
            "num_epochs": 1,
            "train_data_loader": {
                "dataset_id": "train",
                "sampler": {"class_or_func": RandomSampler},
                "kwargs": {"batch_size": batch_size, "num_workers": workers, "drop_last": True},
            },
            "teacher": {"forward_proc": "forward_batch_only", "requires_grad": False},
            "student": {"forward_proc": "forward_batch_only"},
            "optimizer": {"key": "SGD", "kwargs": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0005}},
            "criterion": {"key": "WeightedSumLoss", "kwargs": {"sub_terms": terms}},
        },
        torch.device("cpu"),
        None,
        False,
        1,
    )

    def epoch() -> None:
        box.pre_epoch_process(epoch=0)
        for sample_batch, targets, supp_dict in box.train_data_loader:
            box.pre_forward_process()
            box.post_forward_process(loss=box.forward_process(sample_batch, targets, supp_dict))

    return epoch
