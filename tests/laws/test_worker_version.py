"""The version of the workflow code to which an agent worker's runs are pinned."""

import pytest

from contracts.errors import Malformed
from worker.version import code_build, workflow_version


def test_a_build_that_is_not_set_is_the_codes_digest() -> None:
    """Two starts of the same code are one version; a build that is set is taken as it is."""
    assert workflow_version("").build_id == workflow_version("").build_id == code_build()
    assert (
        workflow_version("2027-01-31_9f2c01a").to_canonical_string() == "interlock-agent.2027-01-31_9f2c01a"
    )


@pytest.mark.parametrize("build", ["-a", "a b", 'a" OR 1=1', "a.b", "x" * 64, "a\n"])
def test_a_build_id_that_temporals_queries_could_misread_is_refused(build: str) -> None:
    """It goes into queries and command lines; the sentence names the setting."""
    with pytest.raises(Malformed, match="INTERLOCK_BUILD"):
        workflow_version(build)
