"""docker-compose.yml as Compose reads it, and its services as processes of this machine."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[1]
ROLES: Final = ("gateway", "agent", "broker", "tools")
BREAK_GLASS: Final = "break-glass"

_VARIABLE: Final = re.compile(r"\$(?:(\$)|\{([A-Z_]+)(?:(:?-)((?:[^{}]|\{[^}]*\})*))?\})")


def load(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The file with its variables filled in: of a shell that sets these alone."""
    found: dict[str, Any] = _filled(
        yaml.safe_load((ROOT / "docker-compose.yml").read_text()), variables or {}
    )
    return found


def services(
    variables: Mapping[str, str] | None = None, *, profiles: tuple[str, ...] = ()
) -> dict[str, dict[str, Any]]:
    """The services that come up with these profiles."""
    return {
        name: service
        for name, service in load(variables)["services"].items()
        if not service.get("profiles") or set(service["profiles"]) & set(profiles)
    }


def mounts(service: Mapping[str, Any]) -> dict[str, str]:
    """What is mounted, by the path at which it is."""
    return {volume.split(":")[1]: volume.split(":")[0] for volume in service.get("volumes", ())}


def _filled(found: Any, variables: Mapping[str, str]) -> Any:
    match found:
        case dict():
            return {name: _filled(value, variables) for name, value in found.items()}
        case list():
            return [_filled(value, variables) for value in found]
        case str():
            return _VARIABLE.sub(lambda variable: _value(variable, variables), found)
        case _:
            return found


def _value(variable: re.Match[str], variables: Mapping[str, str]) -> str:
    escaped, name, kind, default = variable.groups()
    if escaped:
        return "$"
    given = variables.get(name)
    empty = given is None or (kind == ":-" and given == "")
    return str(_filled(default or "", variables)) if empty else str(given)


@dataclass(frozen=True, kw_only=True)
class Here:
    """Where on this machine the addresses and paths are that the services' commands and settings name."""

    #: ``host:port`` of the file to ``host:port`` here.
    addresses: Mapping[str, str]
    #: Directory that holds a directory for each named volume.
    volumes: Path
    #: Paths of the image.
    image: Mapping[str, Path]

    def command(self, name: str, service: Mapping[str, Any], words: list[str] | None = None) -> list[str]:
        """The service's command, or other words of it such as its health's, to be run here."""
        given = [*service.get("entrypoint", ()), *service["command"]] if words is None else words
        found = [self._here(name, service, word) for word in given]
        programs = {"python": sys.executable, "interlock": str(Path(sys.executable).parent / "interlock")}
        return [programs.get(found[0], found[0]), *found[1:]]

    def environment(self, name: str, service: Mapping[str, Any]) -> dict[str, str]:
        """The service's whole environment: what is only passed on is not set here."""
        given = {key: value for key, value in service.get("environment", {}).items() if value is not None}
        found = {key: self._here(name, service, value) for key, value in given.items()}
        return {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"} | found

    def volume(self, name: str) -> Path:
        path = self.volumes / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def _here(self, name: str, service: Mapping[str, Any], text: str) -> str:
        for path, place in {**self._mounted(name, service), **self.image}.items():
            text = re.sub(rf"(?<![\w/.-]){re.escape(path)}(?![\w-])", str(place), text)
        for address, here in self.addresses.items():
            host, _, port = address.partition(":")
            text = re.sub(rf"\b{re.escape(address)}\b", here, text)
            if host == name:
                # Its own port, alone or behind the addresses that it listens on.
                text = re.sub(rf"\b(127\.0\.0\.1:)?{port}\b", rf"\g<1>{here.partition(':')[2]}", text)
        return text.replace("0.0.0.0", "127.0.0.1")

    def _mounted(self, name: str, service: Mapping[str, Any]) -> dict[str, Path]:
        """The container's directories that hold volumes, as links to them under a root of its own."""
        root, found = self.volumes.parent / "roots" / name, {}
        for path, volume in mounts(service).items():
            link = root / path.lstrip("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(self.volume(volume))
            found[path] = link
            if path.startswith("/volumes/"):
                found["/volumes"] = link.parent
        return found
