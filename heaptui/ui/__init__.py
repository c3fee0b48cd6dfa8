"""The terminal dashboard: everything that imports Textual."""
