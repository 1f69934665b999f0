"""What runs with xtap is listed whole in its bill of materials."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = Path(sys.prefix) / "supply" / "bin" / "cyclonedx-py"


@pytest.mark.skipif(not TOOL.exists(), reason="'make test' installs the tool beside the environment")
def test_the_bill_of_materials_names_every_locked_dependency(tmp_path: Path):
    recipe = re.search(r"cyclonedx-py (.+?) -o sbom", (ROOT / "Makefile").read_text(), re.DOTALL)
    assert recipe is not None
    target = tmp_path / "sbom.json"
    flags = recipe[1].replace("\\\n", " ").split()
    subprocess.run([TOOL, *flags, "-o", target], cwd=ROOT, check=True, capture_output=True)  # validates by the schema
    bill = json.loads(target.read_text())
    locked = dict(re.findall(r"^([\w.-]+)==([^ ;]+)", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE))
    assert {each["name"]: each["version"] for each in bill["components"]} == locked
    assert (bill["specVersion"], bill["metadata"]["component"]["name"]) == ("1.6", "xtap")
    for each in bill["components"]:
        (source,) = each["externalReferences"]
        assert {part["alg"] for part in source["hashes"]} == {"SHA-256"}
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
