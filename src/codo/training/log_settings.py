"""The settings of logging."""

from __future__ import annotations

from pydantic import Field

from codo.core.config import Settings


class LogSettings(Settings):
    """What is logged, and where."""

    every: int = Field(10, ge=1, description="steps between two lines of metrics.jsonl")
    progress: bool = Field(True, description="show a progress bar when the output is a terminal")
    quiet: bool = Field(False, description="print warnings only, for notebooks; train.log has all messages")
    profile: bool = Field(False, description="profile a few steps: trace.json, and the time of each stage in the log")
    tensorboard: bool = Field(False, description="write TensorBoard events (extra: tensorboard)")
    wandb: str | None = Field(None, description="Weights & Biases project to log to (extra: wandb)")
    mlflow: str | None = Field(None, description="MLflow experiment to log to (extra: mlflow)")
