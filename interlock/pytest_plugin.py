"""The pytest plugin: a team tests its policies in its own suite, through the fixture ``policy``.

Suites that do not ask for the fixture load nothing of Interlock but this file.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from interlock.policy import Policies


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("interlock", "what agents may do, by Interlock's policies")
    group.addoption("--policies", metavar="DIR", help="policy directory; else the ini's interlock_policies")
    group.addoption("--tools", metavar="FILE", help="tool file; else the ini's interlock_tools")
    group.addoption("--policy-env", metavar="ENV", default="dev", help="environment that they are for")
    parser.addini("interlock_policies", "policy directory, relative to this file; else the shipped one")
    parser.addini("interlock_tools", "tool file, relative to this file; else the shipped one")


@pytest.fixture(scope="session")
def policy(pytestconfig: pytest.Config) -> "Policies":
    """The policy directory of this suite: ``assert policy("support/draft").denies("email.send")``."""
    from contracts.errors import InterlockError
    from interlock.policy import Policies

    directory, tools = (_given(pytestconfig, name) for name in ("policies", "tools"))
    try:
        return Policies.read(directory, tools, env=pytestconfig.getoption("policy_env"))
    except InterlockError as error:
        pytest.fail(error.sentence, pytrace=False)


def _given(config: pytest.Config, name: str) -> Path | None:
    """A path of the command line begins where one stands, one of the ini file where that stands."""
    option, ini = config.getoption(name), config.getini(f"interlock_{name}")
    if option:
        return Path(config.invocation_params.dir, option)
    beside = config.inipath.parent if config.inipath else config.rootpath
    return beside / ini if ini else None
