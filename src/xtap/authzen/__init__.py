"""HOW enforcement points ask: the OpenID AuthZEN Authorization API 1.0, translated; no rule of policy is here."""
