"""The use cases, asynchronous, without a screen and without printing."""
