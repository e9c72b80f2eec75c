"""Fine-tuning with LLaMA-Factory: environment, configurations, checks before the start, queue, runs, metrics, failures, reports."""
