"""The units for systemd: what the laws need of them stands in them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parent.parent / "bot" / "deploy"
UNITS = sorted(file.name for file in DEPLOY.iterdir() if file.suffix in (".service", ".socket"))


def unit(name: str) -> dict[str, list[str]]:
    """The settings of a unit, each with its values in order; a line that ends in a backslash goes on in the next."""
    settings: dict[str, list[str]] = {}
    for line in (DEPLOY / name).read_text().replace("\\\n", " ").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            settings.setdefault(key, []).append(value)
    return settings


def words(name: str) -> list[str]:
    (line,) = unit(name)["ExecStart"]
    return shlex.split(line)


def test_the_daemon_receives_only_while_it_is_asked_to_and_writes_nothing_in_clear() -> None:
    started = words("signal-cli.service")
    assert {"--receive-mode=manual", "--no-receive-stdout", "--scrub-log"} <= set(started)
    assert started[started.index("-a") + 1] == "${ACCOUNT}"  # one account: the daemon ends when it is gone
    assert "--http" not in started


def test_the_socket_outlives_a_daemon_that_was_killed() -> None:
    """systemd holds it and hands it over as the standard input: no stale file is left in its place."""
    assert unit("signal-cli.service")["StandardInput"] == ["socket"]
    assert unit("signal-cli.service")["Requires"] == ["signal-cli.socket"]
    assert unit("signal-cli.socket")["SocketMode"] == ["0600"]


def test_the_example_config_names_the_socket_and_the_folder_of_the_units() -> None:
    example = (DEPLOY.parent.parent / "config.example.toml").read_text()
    (socket,) = unit("signal-cli.socket")["ListenStream"]
    assert f'#socket = "{socket}"' in example
    started = words("signal-cli.service")
    folder = started[started.index("--config") + 1]
    assert f'#attachments = "{folder}/attachments"' in example
    assert unit("vestibule.service")["ReadWritePaths"] == [f"-{folder}"]


def test_bot_and_daemon_run_as_one_user_who_is_nobody_else() -> None:
    assert {user for name in UNITS for user in unit(name).get("User", unit(name).get("SocketUser", []))} == {
        "vestibule"
    }


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_a_service_may_do_no_more_than_it_must(name: str) -> None:
    settings = unit(name)
    assert settings["NoNewPrivileges"] == ["yes"]
    assert settings["ProtectSystem"] == ["strict"]
    assert settings["UMask"] == ["0077"]
    assert settings["CapabilityBoundingSet"] == [""]
    assert settings["Restart"] == ["always"]


def test_the_bot_is_not_started_again_and_again_with_a_config_that_cannot_be_used() -> None:
    assert unit("vestibule.service")["RestartPreventExitStatus"] == ["2"]
