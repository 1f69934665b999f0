"""What may tests do to a local server that no Graph does? Off by default; docs/adr/0012-emulator.md."""
