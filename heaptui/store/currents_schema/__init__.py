"""The numbered migrations of the database of Currents events."""
