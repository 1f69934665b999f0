"""HOW Graph clients speak: paths, query options, bodies, errors. Translation only; no rule of policy lives here."""
