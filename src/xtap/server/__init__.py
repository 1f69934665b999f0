"""Putting it together: settings, the application, certificates, listeners."""
