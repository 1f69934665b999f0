"""WHO is asking: issuers, keys, bearer tokens; and the embedded issuer for local use."""
