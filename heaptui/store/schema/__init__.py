"""The numbered migrations of the ledger."""
