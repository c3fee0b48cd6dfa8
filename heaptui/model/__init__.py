"""Pure values and pure functions: what heaptui speaks about, without files, sockets or screens."""
