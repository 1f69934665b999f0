"""Write the JSON Schemas that are made from types: ``make docs`` runs this, and a test holds them together.

python -m docs.build_schemas
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from xtap.testing import questions, transcripts

SCHEMAS = Path(__file__).parents[1] / "conformance" / "schemas"
DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def main() -> None:
    """Write every schema."""
    for name, topic in (("decision-case", questions.Topic), ("transcript", transcripts.Topic)):
        schema = DIALECT | msgspec.json.schema(topic)
        (SCHEMAS / f"{name}.schema.json").write_text(f"{json.dumps(schema, indent=2)}\n", "utf-8")


if __name__ == "__main__":
    main()
