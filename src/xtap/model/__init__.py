"""WHAT a policy is: the wire types of both API versions, and the pure rules that keep a document well-formed."""
