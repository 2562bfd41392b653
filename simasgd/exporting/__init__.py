"""Runs in the forms of other programs: CSV, TensorBoard, MLflow and Weights & Biases."""
