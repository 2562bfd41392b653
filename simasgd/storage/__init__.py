"""Results on disk: which files a folder holds of ours, who may write to it, and how files get there whole."""
