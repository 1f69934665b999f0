"""The command line: one file per command; help and messages are written for the person at the terminal."""
