"""A stand-in for Braze and Heap on loopback, over real HTTP."""
