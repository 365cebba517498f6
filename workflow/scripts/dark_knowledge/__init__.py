"""Knowledge distillation with many seeds: the library behind the workflow's command lines."""
