"""Where the address of a store and the keys to it are taken from; seen by the requests that arrive."""

import json
import pickle
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest

from pyramidion.core import UsageError
from pyramidion.storage._remote.settings import (
    StoreOptions,
    connection,
    require_credentials,
    store_options,
    use_store_options,
)

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYzzzzzzzzzz"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty working folder and home; nothing of this machine's settings."""
    import os

    prefixes = ("AWS_", "AZURE_", "GOOGLE_", "S3_", "PYRAMIDION_")
    for name in [name for name in os.environ if name.startswith(prefixes)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYRAMIDION_STORE_OPTIONS", "")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip("\n"))


def profiles(home, config="", credentials=""):
    write(home / ".aws/config", config)
    write(home / ".aws/credentials", credentials)


def keys(found):
    """The access key, the secret key and the token that requests are signed with."""
    if found.credential_provider is not None:
        given = found.credential_provider()
        return given["access_key_id"], given["secret_access_key"], given["token"]
    config = found.store_config
    return config.get("access_key_id"), config.get("secret_access_key"), config.get("session_token")


def test_nothing_is_said():
    found = connection("s3", "lab")
    assert not found.signed
    assert found.store_config["skip_signature"] is True
    assert found.region == "us-east-1"
    assert found.endpoint == "https://s3.us-east-1.amazonaws.com"
    assert found.store_config["endpoint"] == "https://lab.s3.us-east-1.amazonaws.com"
    assert found.store_config["virtual_hosted_style_request"] is True


def test_writing_without_keys():
    with pytest.raises(UsageError) as caught:
        require_credentials(connection("s3", "lab"), "lab")
    assert str(caught.value) == (
        "s3://lab: no credentials for bucket lab "
        "(looked in: options, environment, profile default): set AWS_PROFILE"
    )
    assert caught.value.id == "PYR-UPL-01"
    with pytest.raises(UsageError, match="only read"):
        require_credentials(connection("https", "example.org"), "example.org")


@pytest.mark.parametrize("first", range(4))
def test_precedence_of_keys(place, monkeypatch, first):
    """Options, environment, `.env`, profile: the first that has keys gives all of them."""
    if first <= 0:
        use_store_options(StoreOptions(access_key="A0", secret_key="S0"))
    if first <= 1:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A1")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S1")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "T1")
    if first <= 2:
        write(place / "here/.env", "AWS_ACCESS_KEY_ID=A2\nAWS_SECRET_ACCESS_KEY='S2'\n")
    profiles(
        place,
        credentials="""
        [default]
        aws_access_key_id = A3
        aws_secret_access_key = S3
        aws_session_token = T3
        """,
    )
    found = connection("s3", "lab")
    token = {1: "T1", 3: "T3"}.get(first)
    assert keys(found) == (f"A{first}", f"S{first}", token)
    assert found.signed
    assert f"S{first}" in found.secrets


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        ({"profile": "lab"}, {"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e"}, "L"),
        ({}, {"AWS_PROFILE": "lab", "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "e"}, "E"),
        ({}, {"AWS_PROFILE": "lab"}, "L"),
        ({"profile": "lab"}, {"AWS_PROFILE": "default"}, "L"),
        ({"anonymous": True, "profile": "lab"}, {}, None),
    ],
)
def test_a_profile_and_keys_in_the_environment(place, monkeypatch, options, environment, expected):
    profiles(
        place,
        credentials="""
        [default]
        aws_access_key_id = D
        aws_secret_access_key = d
        [lab]
        aws_access_key_id = L
        aws_secret_access_key = l
        """,
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    use_store_options(StoreOptions(**options))
    found = connection("s3", "lab")
    assert (keys(found)[0] or None) == expected
    assert found.signed is (expected is not None)


CONFIG = """
[default]
region = eu-central-1

[profile plain]
region = eu-north-1
endpoint_url = https://plain.example/

[profile services]
services = ours
endpoint_url = https://all.example
s3 =
    addressing_style = virtual

[profile plugin]
endpoint_url = https://all.example
s3 =
    endpoint_url = https://plugin.example
    addressing_style = path

[profile "two words"]
endpoint_url = https://words.example

[services ours]
# s3 comes second
dynamodb =
    endpoint_url = https://no.example
s3 =
    endpoint_url = https://services.example
"""


@pytest.mark.parametrize(
    ("profile", "endpoint", "region", "path_style"),
    [
        ("", "https://s3.eu-central-1.amazonaws.com", "eu-central-1", False),
        ("plain", "https://plain.example", "eu-north-1", True),
        ("services", "https://services.example", "us-east-1", False),
        ("plugin", "https://plugin.example", "us-east-1", True),
        ("two words", "https://words.example", "us-east-1", True),
    ],
)
def test_the_address_in_a_profile(place, profile, endpoint, region, path_style):
    profiles(place, CONFIG)
    use_store_options(StoreOptions(profile=profile))
    found = connection("s3", "lab")
    assert (found.endpoint, found.region) == (endpoint, region)
    assert found.store_config["virtual_hosted_style_request"] is not path_style
    host = endpoint if path_style else endpoint.replace("://", "://lab.")
    assert found.store_config["endpoint"] == host


def test_precedence_of_addresses(place, monkeypatch):
    names = ["S3_ENDPOINT_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"]
    profiles(place, "[default]\nendpoint_url = https://profile.example\n")
    assert connection("s3", "b").endpoint == "https://profile.example"
    for n, name in enumerate(names):
        write(place / "here/.env", f"{name}=https://file{n}.example\n")
        assert connection("s3", "b").endpoint == f"https://file{n}.example"
    for n, name in enumerate(names):
        monkeypatch.setenv(name, f"http://env{n}.example:8000")
        assert connection("s3", "b").endpoint == f"http://env{n}.example:8000"
    assert connection("s3", "b").client_options["allow_http"] is True
    use_store_options(StoreOptions(endpoint="https://option.example", path_style=False))
    found = connection("s3", "b")
    assert found.store_config["endpoint"] == "https://b.option.example"
    assert found.client_options["allow_http"] is False
    use_store_options(StoreOptions(endpoint="https://option.example/base/"))
    assert connection("s3", "b").store_config["endpoint"] == "https://option.example/base"


def test_a_profile_that_an_option_names_brings_its_address(place, monkeypatch):
    profiles(place, CONFIG)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://env.example")
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    assert connection("s3", "b").endpoint == "https://env.example"
    use_store_options(StoreOptions(profile="plain"))
    found = connection("s3", "b")
    assert (found.endpoint, found.region) == ("https://plain.example", "eu-north-1")


def test_a_bucket_with_dots_has_no_certificate():
    config = connection("s3", "lab.example.org").store_config
    assert config["virtual_hosted_style_request"] is False
    assert connection("s3", "b").store_config["virtual_hosted_style_request"] is True


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "A"},
            "environment: AWS_ACCESS_KEY_ID without AWS_SECRET_ACCESS_KEY",
        ),
        ({"AWS_SECRET_ACCESS_KEY": SECRET}, "AWS_SECRET_ACCESS_KEY without AWS_ACCESS_KEY_ID"),
        (
            {"AWS_PROFILE": "lba"},
            r"AWS_PROFILE: no such profile \(lba\): one of default, half, lab, virtual",
        ),
        ({"AWS_PROFILE": "half"}, "profile half has no aws_secret_access_key"),
        ({"AWS_ENDPOINT_URL": "s3.example.org"}, r"AWS_ENDPOINT_URL: not an address \(s3.example"),
        ({"AWS_ENDPOINT_URL": "https://h:99999"}, "not an address"),
        ({"AWS_ENDPOINT_URL": f"https://AK:{SECRET}@h"}, "credentials in a URL are refused"),
        ({"AWS_ENDPOINT_URL": f"https://h/?secret_key={SECRET}"}, "credentials in a URL"),
        ({"AWS_PROFILE": "virtual"}, "http://127.0.0.1:80: no bucket can stand before"),
        ({"AWS_CA_BUNDLE": "/nowhere.pem"}, "AWS_CA_BUNDLE: cannot read /nowhere.pem"),
    ],
)
def test_what_cannot_be_used(place, monkeypatch, environment, words):
    profiles(
        place,
        "[default]\n[profile lab]\n[profile virtual]\ns3 =\n  addressing_style = virtual\n"
        "  endpoint_url = http://127.0.0.1:80\n",
        f"[half]\naws_access_key_id = A\n[lab]\naws_access_key_id=A\naws_secret_access_key={SECRET}\n",
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=words) as caught:
        connection("s3", "lab")
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("file", [".aws/config", ".aws/credentials"])
@pytest.mark.parametrize(
    "text",
    [
        f"aws_secret_access_key = {SECRET}\n".encode(),
        b"[default]\n  = x\n[half\n" + SECRET.encode(),
        b"[default]\naws_access_key_id = \xff\xfe\n",
    ],
)
def test_broken_files(place, file, text):
    (place / ".aws").mkdir()
    (place / file).write_bytes(text)
    with pytest.raises(UsageError, match="not a file of AWS profiles") as caught:
        connection("s3", "lab")
    assert SECRET not in str(caught.value)
    assert str(place / file) in str(caught.value)


@pytest.mark.parametrize(
    "setting",
    [
        "credential_process = /bin/keys",
        "role_arn = arn:x\nsource_profile = default",
        "sso_session = s",
    ],
)
def test_keys_to_be_asked_for_need_boto3(place, monkeypatch, setting):
    profiles(place, f"[profile lab]\n{setting}\n")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(UsageError, match=r'pip install "pyramidion\[aws\]"'):
        connection("s3", "lab")


def test_a_program_that_gives_keys(place):
    pytest.importorskip("boto3")
    program = place / "keys.py"
    answer = {"Version": 1, "AccessKeyId": "P", "SecretAccessKey": SECRET}
    program.write_text(f"print('''{json.dumps(answer)}''')")
    profiles(place, f"[profile lab]\ncredential_process = {sys.executable} {program}\n")
    use_store_options(StoreOptions(profile="lab"))
    found = connection("s3", "lab")
    assert keys(found) == ("P", SECRET, None)
    assert found.signed


def test_a_dot_env_file_starts_no_program(place):
    """What a foreign folder says may name a store, never the files that name programs."""
    write(place / "evil", f"[default]\ncredential_process = touch {place / 'started'}\n")
    write(place / "here/.env", f"AWS_CONFIG_FILE={place / 'evil'}\nPYRAMIDION_INSTANCE_ROLE=1\n")
    assert not connection("s3", "lab").signed
    assert not (place / "started").exists()


@pytest.mark.parametrize(
    "name",
    [
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "PYRAMIDION_INSTANCE_ROLE",
    ],
)
def test_keys_of_a_container(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    found = connection("s3", "lab")
    assert found.signed
    assert keys(found) == (None, None, None)


def test_options_reach_child_processes():
    options = StoreOptions("http://h:1", "r", "", "AK", SECRET, "TOKEN", path_style=False)
    use_store_options(options)
    program = """
        from pyramidion.storage._remote.settings import store_options, connection
        print(store_options() == store_options(), connection("s3", "b").endpoint)
        print(store_options().secret_key, store_options().path_style)
    """
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert child.stdout.splitlines() == ["True http://h:1", f"{SECRET} False"]
    assert store_options() == options
    use_store_options(StoreOptions())
    assert store_options() == StoreOptions()


def test_no_secret_is_shown(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDHIDDEN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "TOKENHIDDEN")
    options = StoreOptions("http://h", access_key="AKIDHIDDEN", secret_key=SECRET)
    for shown in (repr(connection("s3", "lab")), repr(options)):
        assert SECRET not in shown
        assert "HIDDEN" not in shown
    assert pickle.loads(pickle.dumps(options)) == options
    assert set(connection("s3", "lab").secrets) == {SECRET, "TOKENHIDDEN"}


@pytest.mark.parametrize(
    ("n_bytes", "seconds"), [(0, 30), (256_000, 30), (16 * 2**20, 120), (128 * 2**20, 960)]
)
def test_slow_uplinks_have_the_time_they_need(n_bytes, seconds):
    found = connection("s3", "lab")
    options = found.write_options(n_bytes)
    assert options["read_timeout"] == f"{seconds}s"
    assert seconds >= n_bytes / 200_000
    assert {**options, "read_timeout": found.client_options["read_timeout"]} == found.client_options
    assert found.no_retry_config["max_retries"] == 0
    assert found.retry_config["retry_timeout"] == timedelta(seconds=120)


def test_google(monkeypatch):
    from obstore.store import GCSStore

    found = connection("gs", "lab")
    assert (found.signed, found.endpoint) == (False, "https://storage.googleapis.com")
    GCSStore("lab", config=found.store_config, client_options=found.client_options)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    with pytest.raises(UsageError, match="no such file"):
        connection("gs", "lab")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    monkeypatch.setenv("GOOGLE_BEARER_TOKEN", "hidden-token")
    use_store_options(StoreOptions(endpoint="http://127.0.0.1:1"))
    found = connection("gs", "lab")
    assert found.signed
    assert found.secrets == ("hidden-token",)
    GCSStore("lab", config=found.store_config, client_options=found.client_options)


def test_azure(place):
    from obstore.store import AzureStore

    with pytest.raises(UsageError, match="set AZURE_STORAGE_ACCOUNT_NAME"):
        connection("az", "lab")
    write(place / "here/.env", "AZURE_STORAGE_ACCOUNT_NAME=acct\n")
    found = connection("az", "lab")
    assert (found.signed, found.endpoint) == (False, "https://acct.blob.core.windows.net")
    AzureStore("lab", config=found.store_config, client_options=found.client_options)
    write(place / "here/.env", "AZURE_STORAGE_ACCOUNT_NAME=a\nAZURE_STORAGE_ACCOUNT_KEY=aGlkZGVu\n")
    found = connection("az", "lab")
    assert (found.signed, found.secrets) == (True, ("aGlkZGVu",))
    AzureStore("lab", config=found.store_config, client_options=found.client_options)


def test_a_web_server():
    found = connection("http", "127.0.0.1:8000")
    assert (found.endpoint, found.signed) == ("http://127.0.0.1:8000", False)
    assert found.client_options["allow_http"] is True
