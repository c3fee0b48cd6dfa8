"""The command line: the only place that chooses between the terminal dashboard and headless work."""
