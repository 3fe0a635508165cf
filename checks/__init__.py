"""Judges: one assertion per check, on frozen facts."""
