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


def versions(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text()
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^ ;]+)", text, re.MULTILINE))


def test_the_image_installs_nothing_that_is_not_locked_by_hash():
    steps = (ROOT / "deploy" / "Containerfile").read_text().replace("\\\n", " ")
    installs = re.findall(r"pip install ([^&\n]+)", steps)
    assert len(installs) == 3
    for each in installs:
        assert "--require-hashes -r requirements/" in each or "--no-deps /opt/wheel/" in each, each


def test_the_lock_files_agree():
    image = versions("image.txt")
    assert versions("run.txt").items() <= image.items(), "with the extras, and else the same"
    assert image.items() <= versions("dev.txt").items(), "what is tested is what runs"
    assert versions("build.txt").items() <= versions("dev.txt").items()


def test_what_is_audited_is_what_the_image_has():
    recipes = (ROOT / "Makefile").read_text()
    for tool in ("cyclonedx-py requirements", "pip-audit .* -r"):
        assert re.search(rf"{tool} requirements/image.txt", recipes), tool


@pytest.mark.skipif(not TOOL.exists(), reason="'make test' installs the tool beside the environment")
def test_the_bill_of_materials_names_every_locked_dependency(tmp_path: Path):
    recipe = re.search(r"cyclonedx-py (.+?) -o sbom", (ROOT / "Makefile").read_text(), re.DOTALL)
    assert recipe is not None
    target = tmp_path / "sbom.json"
    flags = recipe[1].replace("\\\n", " ").split()
    subprocess.run([TOOL, *flags, "-o", target], cwd=ROOT, check=True, capture_output=True)  # validates by the schema
    bill = json.loads(target.read_text())
    locked = versions("image.txt")
    assert {"psycopg", "opentelemetry-sdk", "granian"} <= locked.keys()
    assert {each["name"]: each["version"] for each in bill["components"]} == locked
    assert (bill["specVersion"], bill["metadata"]["component"]["name"]) == ("1.6", "xtap")
    for each in bill["components"]:
        (source,) = each["externalReferences"]
        assert {part["alg"] for part in source["hashes"]} == {"SHA-256"}
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
