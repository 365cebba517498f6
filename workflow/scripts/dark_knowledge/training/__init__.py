"""Networks, losses, recipes, the one loop, checkpoints, teacher logits, devices."""
