"""Laws of the production shape: who may do what, reach whom, and know what, in docker-compose.yml."""

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.logins import RIGHTS
from embedded.ports import Ports
from embedded.roles import Roles
from gateway.settings import Settings as GatewaySettings
from tests.compose import BREAK_GLASS, ROLES, load, mounts, services
from worker.settings import Settings as WorkerSettings

EMULATED: Final = services(profiles=("emulators", BREAK_GLASS))
#: Whoever serves for us.
SERVING: Final = (*ROLES, BREAK_GLASS)
ONCE: Final = ("handout", "migrate", "publish", "temporal-schema", "temporal-namespace")
PRODUCTION: Final = {"INTERLOCK_ENV": "prod", "INTERLOCK_SLACK_URL": ""}


def _sharing(one: str) -> set[str]:
    """The services that are in a network with this one."""
    mine = set(EMULATED[one]["networks"])
    return {name for name, service in EMULATED.items() if mine & set(service["networks"])} - {one}


@pytest.mark.parametrize("name", EMULATED)
def test_no_container_may_do_more_than_run(name: str) -> None:
    """No root, no capability, no new privilege, nothing written beside its volumes, and a limit to all."""
    service = EMULATED[name]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"pids_limit", "mem_limit", "cpus"} <= set(service)
    forbidden = {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc", "userns_mode", "group_add"}
    assert not forbidden & set(service)
    assert all("noexec" in tmpfs for tmpfs in service["tmpfs"])
    assert "docker.sock" not in str(service)


@pytest.mark.parametrize("name", EMULATED)
def test_every_image_is_pinned(name: str) -> None:
    """A tag that names a version in full."""
    assert re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?", EMULATED[name]["image"])


def test_servers_are_those_that_the_tests_run_on() -> None:
    """Temporal's images are of the version of the dev server, PostgreSQL's of the tests' own."""
    said = subprocess.run(
        [Path(sys.executable).parent / "temporal", "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert f"(Server {EMULATED['temporal']['image'].partition(':')[2]}," in said
    assert f"UI {EMULATED['temporal-ui']['image'].partition(':')[2]})" in said
    assert EMULATED["temporal-schema"]["image"].endswith(EMULATED["temporal"]["image"].partition(":")[2])


@pytest.mark.parametrize("name", EMULATED)
def test_what_serves_is_watched_and_what_runs_once_ends(name: str) -> None:
    """A server restarts, has a health and time to stop; what runs once is not started again."""
    service = EMULATED[name]
    if name in ONCE:
        assert service["restart"] == "no"
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["stop_grace_period"].endswith("s")


def test_ports_are_published_on_loopback_and_only_where_people_come_in() -> None:
    """Gateway, break-glass, Temporal's UI and the Slack stand-in; the UI changes nothing."""
    published = {name: service["ports"] for name, service in EMULATED.items() if "ports" in service}
    assert set(published) == {"gateway", BREAK_GLASS, "temporal-ui", "slack"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert EMULATED["temporal-ui"]["environment"]["TEMPORAL_DISABLE_WRITE_ACTIONS"] == "true"


def test_roles_do_not_reach_each_other() -> None:
    """No two of them are in one network, nor any of them with break-glass."""
    for one, other in itertools.combinations(SERVING, 2):
        assert other not in _sharing(one)


def test_only_who_acts_reaches_the_target() -> None:
    """Nothing else is in the helpdesk's two networks, which lead nowhere else."""
    assert _sharing("helpdesk") == {"tools", BREAK_GLASS}
    for network in EMULATED["helpdesk"]["networks"]:
        assert load()["networks"][network] == {"internal": True}


def test_break_glass_needs_nothing_of_the_agents() -> None:
    """No Temporal and no role: it comes up without them, and only servers are where it is."""
    assert _sharing(BREAK_GLASS) == {"store-db", "aws", "slack", "helpdesk"}
    assert set(EMULATED[BREAK_GLASS]["depends_on"]) == {"handout", "publish", "migrate"}
    assert "INTERLOCK_TEMPORAL" not in EMULATED[BREAK_GLASS]["environment"]
    assert "INTERLOCK_KEYRING" not in EMULATED[BREAK_GLASS]["environment"]


def test_break_glass_comes_up_only_when_it_is_asked_for() -> None:
    """Neither a production nor a system of emulators has it by itself."""
    assert BREAK_GLASS not in services(PRODUCTION)
    assert BREAK_GLASS not in services(profiles=("emulators",))
    assert BREAK_GLASS in services(PRODUCTION, profiles=(BREAK_GLASS,))


def test_databases_are_reached_by_their_own_clients() -> None:
    """Temporal's by Temporal; the store by who serves, migrates and publishes."""
    assert _sharing("temporal-db") == {"temporal", "temporal-schema"}
    clients = {
        name for name, service in EMULATED.items() if "INTERLOCK_STORE" in service.get("environment", {})
    }
    servers = {"temporal", "temporal-namespace", "aws", "slack"}
    assert clients == {*SERVING, "migrate", "publish"}
    assert _sharing("store-db") == clients | servers


def test_slack_is_reached_by_who_posts() -> None:
    """Nobody else of ours posts or clicks."""
    assert _sharing("slack") & {*SERVING, "migrate", "publish"} == {"gateway", "broker", BREAK_GLASS}


def test_each_container_has_its_own_files_only() -> None:
    """An identity is mounted by its owner, read-only; the handout, which writes them, runs once and ends."""
    owners: dict[str, set[str]] = {}
    for name, service in EMULATED.items():
        for volume in set(mounts(service).values()):
            owners.setdefault(volume, set()).add(name)
        if name != "handout":
            identities = [volume for volume in service.get("volumes", ()) if volume.startswith("identity-")]
            assert all(volume.endswith(":ro") for volume in identities)
    assert owners == {
        **{f"identity-{role}": {role, "handout"} for role in (*SERVING, "migrate")},
        "identity-operator": {"publish", "handout"},
        "identity-store-db": {"store-db", "handout"},
        "identity-temporal-db": {"temporal-db", "temporal-schema", "temporal", "handout"},
        "store": {"store-db"},
        "temporal": {"temporal-db"},
        "aws": {"aws", "handout"},
        "slack": {"slack", "handout"},
        "helpdesk": {"helpdesk", "handout"},
    }
    assert set(owners) == set(load()["volumes"])


def test_each_role_comes_to_the_store_by_its_own_login() -> None:
    """The URL names the login and no password."""
    for name in (*SERVING, "publish"):
        role = "operator" if name == "publish" else name.replace("-", "_")
        assert role in RIGHTS
        url = EMULATED[name]["environment"]["INTERLOCK_STORE"]
        assert url == f"postgresql+psycopg://interlock_{role}@store-db:5432/interlock"


def test_no_secret_is_in_the_file() -> None:
    """Passwords come from files; a model's key is passed on to the agent worker alone, if there is one."""
    for name, service in EMULATED.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASS|SECRET|TOKEN|API_KEY|PWD", variable):
                files = variable in ("PGPASSFILE", "POSTGRES_PASSWORD_FILE")
                assert files or (name == "agent" and value is None)


def test_settings_are_read_from_the_environment_alone() -> None:
    """Every variable is one that its process reads, and none that it needs is missing."""
    known = (_source("gateway/settings.py"), _source("worker/settings.py"))
    for variables in ({}, PRODUCTION):
        up = services(variables, profiles=("emulators",))
        environment = {role: _text(up[role]) for role in ROLES}
        assert GatewaySettings.read(environment["gateway"]).env == variables.get("INTERLOCK_ENV", "dev")
        for role in ("agent", "broker", "tools"):
            assert WorkerSettings.read(environment[role]).aws == Path("/run/interlock/aws.json")
        assert WorkerSettings.read(environment["tools"]).addresses == {
            "INTERLOCK_ADDRESS_HELPDESK": "http://helpdesk:9400"
        }
    for role in ROLES:
        for name in EMULATED[role]["environment"]:
            if name.startswith("INTERLOCK_"):
                assert name in known[role != "gateway"] or name.startswith("INTERLOCK_ADDRESS_")


def test_break_glass_has_the_settings_that_it_has_on_a_local_stack() -> None:
    """All of them but the probe's name, which a deployment's tool file gives."""
    local = Roles(
        state=Path("/state"),
        ports=Ports.of(7710),
        tools=Path("/tools.yaml"),
        tenants=["acme"],
        addresses={"helpdesk": "http://helpdesk:9400"},
        headless=True,
        build="b",
    ).break_glass()
    for variables in ({}, PRODUCTION):
        found = services(variables, profiles=(BREAK_GLASS,))[BREAK_GLASS]
        ours = {name for name in _text(found) if name.startswith("INTERLOCK_")}
        assert ours == {*local} - {"INTERLOCK_PROBE_CREDENTIAL"}


def test_an_alert_goes_to_one_channel_whoever_brings_it() -> None:
    """The broker and the break-glass process both bring alerts: to the alerts' channel, else the cards'."""
    for variables in ({}, {"INTERLOCK_SLACK_CHANNEL": "C1"}, {"INTERLOCK_SLACK_ALERTS": "C2"}):
        up = services(variables, profiles=(BREAK_GLASS,))
        broker = up["broker"]["environment"]
        channel = broker["INTERLOCK_SLACK_ALERTS"] or broker["INTERLOCK_SLACK_CHANNEL"]
        assert up[BREAK_GLASS]["environment"]["INTERLOCK_SLACK_ALERTS"] == channel


def _source(file: str) -> str:
    return (Path(__file__).parents[2] / file).read_text()


def _text(service: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in service["environment"].items() if value is not None}


def test_without_the_profile_nothing_stands_in_for_anything() -> None:
    """No emulator, no emulator's image, Slack itself, and no dependency on what does not come up."""
    up = services(PRODUCTION)
    assert set(up) == set(EMULATED) - {"aws", "slack", "helpdesk", "handout", "publish", BREAK_GLASS}
    for service in up.values():
        assert "emulators" not in service["image"]
        needed = {name for name, how in service.get("depends_on", {}).items() if how.get("required", True)}
        assert needed <= set(up)
    assert up["gateway"]["environment"]["INTERLOCK_SLACK_URL"] == ""
    assert up["broker"]["environment"]["INTERLOCK_SLACK_URL"] == ""


def test_identities_may_come_from_a_directory() -> None:
    """INTERLOCK_IDENTITIES puts each container's own directory in the place of its volume."""
    up = services({"INTERLOCK_IDENTITIES": "/etc/interlock/identity"}, profiles=(BREAK_GLASS,))
    assert {role: mounts(up[role]) for role in SERVING} == {
        role: {"/run/interlock": f"/etc/interlock/identity-{role}"} for role in SERVING
    }
