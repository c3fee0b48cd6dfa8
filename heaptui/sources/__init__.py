"""Where identifiers come from: files and streams."""
