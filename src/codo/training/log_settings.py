"""What a run logs, and where."""

from __future__ import annotations

from pydantic import Field

from codo.core.config import Settings


class LogSettings(Settings):
    """What is logged, and where."""

    every: int = Field(10, ge=1, description="steps between two lines of metrics.jsonl")
    progress: bool = Field(True, description="show a progress bar when the output is a terminal")
    profile: bool = Field(False, description="trace a few steps into trace.json and tell where their time goes")
    tensorboard: bool = Field(False, description="write TensorBoard events (extra: tensorboard)")
    wandb: str | None = Field(None, description="project of Weights & Biases to log to (extra: wandb)")
    mlflow: str | None = Field(None, description="experiment of MLflow to log to (extra: mlflow)")
