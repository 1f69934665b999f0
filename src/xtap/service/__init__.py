"""WHAT one may do: one function per operation, the permission table, and the audit record of every change."""
