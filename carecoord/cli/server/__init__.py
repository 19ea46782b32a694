"""Verbs of whoever runs the server: backup, restore, upgrade."""
