"""Tells: what a run found, in the forms that people and machines read. Nothing here looks or judges."""
