"""What heaptui remembers: the ledger and the secrets."""
