"""Write the JSON Schemas that are made from types: ``make docs`` runs this, and a test holds them together.

python -m docs.build_schemas
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from xtap.server.settings import Settings
from xtap.testing import questions, transcripts

SETTINGS = Path(__file__).parent / "reference" / "xtap.schema.json"
SCHEMAS = Path(__file__).parents[1] / "conformance" / "schemas"
DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def main() -> None:
    """Write every schema."""
    for name, topic in (("decision-case", questions.Topic), ("transcript", transcripts.Topic)):
        schema = DIALECT | msgspec.json.schema(topic)
        (SCHEMAS / f"{name}.schema.json").write_text(f"{json.dumps(schema, indent=2)}\n", "utf-8")
    SETTINGS.write_text(settings_schema(), "utf-8")


def settings_schema() -> str:
    """Return the JSON Schema of ``xtap.toml``."""
    about = {"title": "xtap.toml", "description": "Settings of xtap. Every key is also a flag and a variable."}
    schema = DIALECT | about | msgspec.json.schema(Settings)
    return f"{json.dumps(schema, indent=2)}\n"


if __name__ == "__main__":
    main()
