"""heaptui takes groups of people from Heap into Braze: a plan before, a proof after."""

__version__ = "0.1.0"
