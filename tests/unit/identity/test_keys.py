"""The embedded issuer's key file, and the file handling below it."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from xtap.errors import ConfigurationError
from xtap.identity import keys, private_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "issuer-keys.json"


def verified(token: str, published: dict[str, object]) -> dict[str, object]:
    claims: dict[str, object] = jwt.decode(token, KeySet.import_key_set(json.loads(json.dumps(published)))).claims
    return claims


def test_the_first_call_makes_the_file_the_next_reads_it(path: Path) -> None:
    first = keys.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert keys.load_or_create(path).kid == first.kid
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_an_independent_library_verifies_what_we_sign(path: Path) -> None:
    own = keys.load_or_create(path)
    assert verified(own.sign({"sub": "x"}), own.public()) == {"sub": "x"}


def test_names_of_keys_are_thumbprints(path: Path) -> None:
    own = keys.load_or_create(path)
    published = json.loads(json.dumps(own.public()))["keys"][0]
    assert KeySet.import_key_set({"keys": [published]}).keys[0].thumbprint() == own.kid


def test_only_public_members_are_published(path: Path) -> None:
    published = json.loads(json.dumps(keys.load_or_create(path).public()))
    assert set(published["keys"][0]) == {"kty", "use", "kid", "n", "e", "alg"}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o620])
def test_a_file_that_others_can_use_is_refused(path: Path, mode: int) -> None:
    keys.load_or_create(path)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"mode is 0{mode:o}.*chmod 600"):
        keys.load_or_create(path)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"keys":[]}', b'{"keys":[{"kid":"x"}]}', b"\xff"])
def test_a_file_that_is_no_key_set_is_refused(path: Path, content: bytes) -> None:
    private_file.write(path, content)
    with pytest.raises(ConfigurationError):
        keys.load_or_create(path)


def test_a_damaged_key_is_refused_when_it_signs(path: Path) -> None:
    keys.load_or_create(path)
    document = json.loads(path.read_bytes())
    document["keys"][0]["d"] = document["keys"][0]["e"]
    private_file.write(path, json.dumps(document).encode())
    with pytest.raises(ConfigurationError, match="damaged"):
        keys.load(path).sign({})


def test_no_key_shows_itself(path: Path) -> None:
    key = keys.load_or_create(path).keys[0]
    assert repr(key) == f"PrivateJwk(kid='{key.kid}')"


def test_of_many_who_create_at_once_all_get_the_same_key(path: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(keys.load_or_create(path).kid)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_failed_write_leaves_the_old_content(path: Path) -> None:
    private_file.write(path, b"old")
    with pytest.raises(TypeError):
        private_file.write(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
