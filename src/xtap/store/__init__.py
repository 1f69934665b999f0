"""WHERE policies live: immutable snapshots to read from, serial changes that are acknowledged once durable."""
