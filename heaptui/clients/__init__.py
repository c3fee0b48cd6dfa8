"""The clients that speak to the outside over HTTP."""
