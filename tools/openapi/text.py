"""A document's text as JSON values: JSON, or YAML as OpenAPI means it (1.2's JSON schema)."""

import json
import re
from typing import Any, Final, NoReturn

import yaml

from contracts.digest import Json
from contracts.errors import Malformed
from policies.arguments import clean

YAML_LIMIT: Final = 1024 * 1024
"""Characters of a document in YAML: it is read at some 300 KB a second."""

_TAG: Final = "tag:yaml.org,2002:"
_RESOLVED: Final = (
    ("bool", r"true|false|True|False|TRUE|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", "~nN"),
)


def parse(text: str) -> Json:
    """The one value in a text. Raises Malformed where it is neither, or says a thing twice."""
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        if len(text) > YAML_LIMIT:
            raise Malformed(f"the document is YAML of more than {YAML_LIMIT} characters: give it as JSON")
        return yaml.load(text, Loader=_Yaml)  # noqa: S506  a SafeLoader of its own
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        reason = f"line {line}: {error.problem}"
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error)
    except RecursionError:
        reason = "it is nested too deeply"
    raise Malformed(f"the document is neither JSON nor YAML: {clean(reason, 200)}")


class _Yaml(yaml.SafeLoader):
    """Without anchors, by which a small text is a large value; without YAML 1.1's dates and ``yes``."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  pyyaml's own way

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it open
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(
                problem="anchors and aliases are not read", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002  pyyaml's signature
        """Names are text, ``200`` too."""
        return _once([(_name(key), self.construct_object(value, deep=True)) for key, value in node.value])


for _kind, _pattern, _first in _RESOLVED:
    _Yaml.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern})$"), [*_first, ""])
_Yaml.add_constructor(_TAG + "int", lambda _, node: int(node.value))
_Yaml.add_constructor(_TAG + "float", lambda _, node: float(node.value))


def _name(key: yaml.Node) -> str:
    if not isinstance(key, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="a name is no text", problem_mark=key.start_mark)
    return str(key.value)


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the name {name} stands twice")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
