"""HOW a query string becomes something to run: filter, order, projection, paging. Pure; no I/O, no HTTP.

Start at ``options.parse_options``, which splits the query string of a request. Each raw option then has its own
file: ``filter.compile_filter``, ``orderby.compile_orderby``, ``select.parse_projection``, ``skiptoken.unseal``.
``shape`` says what those files need to know of a type. Everything that a client can get wrong is ``UnsupportedQuery``.

The grammar is the part of OData 4.01 that Microsoft Graph documents; ``section`` in a docstring means a section of
"OData Version 4.01. Part 2: URL Conventions" (OASIS Standard, 2020-04-23).
"""
