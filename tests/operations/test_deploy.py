"""The files of deploy/: read, and checked by the tools of their makers where those are here; no engine builds them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from xtap.server.settings import KEYS, variable

DEPLOY = Path(__file__).parents[2] / "deploy"
VARIABLES = {variable(key) for key in KEYS} | {"XTAP_CONFIG"}


@pytest.mark.parametrize("name", ["Containerfile", "compose.yaml"])
def test_every_variable_is_a_setting(name: str):
    used = set(re.findall(r"\bXTAP_[A-Z_]+", (DEPLOY / name).read_text()))
    assert used
    assert used <= VARIABLES


def test_the_compose_file_fits_the_schema_of_compose():
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_keeps_secrets_in_files_and_the_server_unprivileged():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    server = compose["services"]["xtap"]
    assert (server["read_only"], server["cap_drop"]) == (True, ["ALL"])
    assert server["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert not any("PASSWORD" in name and not name.endswith("_FILE") for name in server["environment"])
    assert (DEPLOY.parent / "deploy" / compose["x-xtap"]["build"]["context"] / "deploy/Containerfile").exists()


def test_the_container_runs_as_nobody_special_and_is_asked_for_its_health():
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    last = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "USER 10001" in last
    assert any(line.startswith("HEALTHCHECK") and line.endswith('CMD ["xtap", "healthcheck"]') for line in last)
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            assert all((DEPLOY.parent / source).exists() for source in line.split()[1:-1])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_is_understood_by_systemd(tmp_path: Path):
    unit = tmp_path / "xtap.service"
    text = (DEPLOY / "xtap.service").read_text()
    assert "ExecStart=/opt/xtap/bin/xtap serve" in text
    unit.write_text(text.replace("/opt/xtap/bin/xtap", "/bin/true"))  # systemd looks whether the program is there
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "xtap.service" in line]) == (0, [])


def test_flags_of_the_unit_are_settings():
    text = (DEPLOY / "xtap.service").read_text()
    flags = re.findall(r"--([a-z-]+)", next(line for line in text.splitlines() if line.startswith("ExecStart")))
    assert set(flags) <= {*KEYS, "config"}
