"""One table of settings: every flag is a variable and a key, the published schema knows them, mistakes are named."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from msgspec import structs

from docs.build_schemas import SETTINGS, settings_schema
from xtap.cli.init import CONFIG
from xtap.errors import ConfigurationError
from xtap.server.settings import KEYS, Settings, check, load, passed_over, variable

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES: dict[type, tuple[str, object]] = {
    bool: ("true", True),
    int: ("7", 7),
    float: ("0.25", 0.25),
    str: ("text", "text"),
}
OTHERS: dict[str, tuple[str, object]] = {
    "validation": ("strict", "strict"),
    "log-format": ("json", "json"),
    "tls-min-version": ("1.3", "1.3"),
    "request-timeout": ("1.5", 1.5),
    "idle-timeout": ("1.5", 1.5),
}


def example(key: str, default: object) -> tuple[str, Any]:
    """Return a value of a setting as text, and as it is in the file."""
    if isinstance(default, tuple):
        return "a,b", ["a", "b"]
    return OTHERS.get(key) or EXAMPLES[type(default)]


@pytest.mark.parametrize("field", structs.fields(Settings), ids=lambda field: field.encode_name)
def test_flag_variable_and_key_say_the_same(field: structs.FieldInfo, tmp_path: Path):
    key = field.encode_name
    text, value = example(key, field.default)
    config = tmp_path / "xtap.toml"
    config.write_text(f"{key} = {json.dumps(value)}\n")
    by_file = load({}, {}, config)
    assert by_file == load({key: text}, {}, empty(tmp_path)) == load({}, {variable(key): text}, empty(tmp_path))
    assert getattr(by_file, field.name) != field.default
    jsonschema_rs.validator_for(settings_schema()).validate(tomllib.loads(config.read_text()))


def empty(folder: Path) -> Path:
    config = folder / "empty.toml"
    config.write_text("")
    return config


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("log-format", "xml", "there is no log-format 'xml'. Expected one of 'text', 'json'."),
        ("tls-min-version", "1.1", "there is no tls-min-version '1.1'. Expected one of '1.2', '1.3'."),
        ("port", "tcp://10.0.0.1:8420", "port is a whole number from 0 to 65535, found 'tcp://10.0.0.1:8420'."),
        ("port", "70000", "port is a whole number from 0 to 65535, found 70000."),
        ("emulator", "yes", "emulator is true or false, found 'yes'."),
        ("stale-limit", "0", "stale-limit is a number above 0, at most 86400, found 0.0."),
        ("stop-timeout", "soon", "stop-timeout is a number from 0 to 3600, found 'soon'."),
        ("rate-limit", "2e6", "rate-limit is a number from 0 to 1000000, found 2000000.0."),
    ],
)
def test_a_value_that_cannot_be_is_answered_with_those_that_can(key: str, text: str, said: str, tmp_path: Path):
    for flags, variables, source in (({key: text}, {}, f"--{key}"), ({}, {variable(key): text}, variable(key))):
        with pytest.raises(ConfigurationError) as refused:
            load(flags, variables, empty(tmp_path))
        assert refused.value.message == f"{source}={text}: {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('port = "abc"', "port is a whole number from 0 to 65535, found 'abc'."),
        ("tls-min-version = 1.2", "there is no tls-min-version 1.2. Expected one of '1.2', '1.3'."),
        ('emulator = "yes"', "emulator is true or false, found 'yes'."),
        ('audience = "one"', "audience is a list of texts, found 'one'."),
        ('database = ["postgresql://me:word@host/name"]', "database is a text, found a list."),
        ("issuer = true", "issuer is a text, found true."),
    ],
)
def test_a_value_of_the_file_is_answered_likewise(text: str, said: str, tmp_path: Path):
    config = tmp_path / "xtap.toml"
    config.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load({}, {}, config)
    assert refused.value.message == f"{config}: {said}"


def test_a_file_may_begin_with_the_mark_that_some_editors_write(tmp_path: Path):
    config = tmp_path / "xtap.toml"
    config.write_bytes(b"\xef\xbb\xbfport = 1\r\n")
    assert load({}, {}, config).port == 1


def test_variables_that_are_no_settings_are_named():
    assert passed_over(["XTAP_PORT", "XTAP_CONFIG", "XTAP_PROT", "XTAP_TOKEN", "HOME", "XTAP_SERVICE_HOST"]) == [
        "XTAP_PROT",
        "XTAP_SERVICE_HOST",
    ]


def test_flags_win_over_variables_and_those_over_the_file(tmp_path: Path):
    config = tmp_path / "xtap.toml"
    config.write_text("port = 1\n")
    assert load({}, {}, config).port == 1
    assert load({}, {"XTAP_PORT": "2"}, config).port == 2
    assert load({"port": "3"}, {"XTAP_PORT": "2"}, config).port == 3


def test_the_published_schema_is_what_the_settings_say():
    assert SETTINGS.read_text("utf-8") == settings_schema(), "run 'make docs'"
    members = json.loads(settings_schema())["$defs"]["Settings"]["properties"]
    assert tuple(members) == KEYS


def test_what_init_writes_fits_the_schema():
    jsonschema_rs.validator_for(settings_schema()).validate(tomllib.loads(CONFIG))


WRONG = [
    ("port = 70000", "port"),
    ('port = "8420"', "port"),
    ("workers = 0", "workers"),
    ("stale-limit = inf", "stale-limit"),
    ("stale-limit = nan", "stale-limit"),
    ("stale-limit = 0", "stale-limit"),
    ("rate-limit = inf", "rate-limit"),
    ("tenant-rate-limit = inf", "tenant-rate-limit"),
    ("idle-timeout = inf", "idle-timeout"),
    ("request-timeout = inf", "request-timeout"),
    ("stop-timeout = inf", "stop-timeout"),
    ("join-delay = inf", "join-delay"),
    ('log-format = "xml"', "log-format"),
    ('audience = "one"', "audience"),
    ("stop-timeout = -1", "stop-timeout"),
    ("[server]\nport = 1", "server"),
    ("tls_port = 1", "tls_port"),
]


@pytest.mark.parametrize(("text", "part"), WRONG)
def test_schema_and_server_refuse_the_same(tmp_path: Path, text: str, part: str):
    assert not jsonschema_rs.validator_for(settings_schema()).is_valid(tomllib.loads(text))
    config = tmp_path / "xtap.toml"
    config.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load({}, {}, config)
    assert part in refused.value.message
    assert str(config) in refused.value.message


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ({"port": 5000, "tls_port": 5000}, "must differ"),
        ({"metrics_port": 8420}, "must differ"),
        ({"public_url": "xtap.example"}, "--public-url"),
        ({"public_url": "https://xtap.example/path"}, "--public-url"),
        ({"public_url": "https://user:word@xtap.example"}, "--public-url"),
        ({"public_url": "https://xtap.example:notaport"}, "--public-url"),
        ({"public_url": "https://xtap.example"}, "https://xtap.example can be reached from other machines"),
        (
            {"public_url": "https://xtap.example", "emulator": True, "unsafe_embedded_issuer_on_network": True},
            "loopback",
        ),
        ({"otlp_endpoint": "collector:4317"}, "--otlp-endpoint"),
        ({"workers": 2, "emulator": True}, "--workers"),
    ],
)
def test_what_does_not_go_together_is_refused(settings: dict[str, Any], part: str):
    check(Settings(embedded_issuer=True))
    with pytest.raises(ConfigurationError, match=part):
        check(Settings(embedded_issuer=True, **settings))


def test_the_address_behind_a_proxy_is_where_clients_speak():
    own = Settings(public_url="https://xtap.example/", tls_port=9443)
    assert own.https_url == "https://xtap.example"
    assert own.is_loopback
    assert not own.is_local
    assert Settings(public_url="https://localhost:8443").is_local
    assert Settings(tls_port=9443).https_url == "https://localhost:9443"
