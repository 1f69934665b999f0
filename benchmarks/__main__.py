"""``make bench``: every measurement in one run, as ratios against references of the same run."""

from __future__ import annotations

from benchmarks import authzen, decisions, http, store
from benchmarks.table import render

print(render([*http.run(), *authzen.run(), *store.run(), *decisions.run()]))
