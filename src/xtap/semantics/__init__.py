"""What do the policies mean? Pure functions from policies and facts to answers with reasons: no I/O, no clock."""
