"""What do the HTTP surfaces share? Reading bodies, and tokens that only this server can write; no surface's words."""
