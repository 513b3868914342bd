"""A process's AWS identity: its own keys, or whoever its host says it is."""

import json
from pathlib import Path

import pytest

from adapters.keys import AwsIdentity
from contracts.errors import Malformed


def _load(tmp_path: Path, **document: str) -> AwsIdentity:
    path = tmp_path / "aws.json"
    path.write_text(json.dumps(document))
    return AwsIdentity.load(path)


def test_an_identity_without_keys_is_the_hosts(tmp_path: Path) -> None:
    """A region alone leaves it to the host, and to AWS itself."""
    found = _load(tmp_path, region="eu-central-1")
    assert (found.access_key_id, found.secret_access_key, found.endpoint_url) == (None, None, None)


@pytest.mark.parametrize("half", ["access_key_id", "secret_access_key"])
def test_half_an_identity_is_none(tmp_path: Path, half: str) -> None:
    """One key without the other would be taken for the host's: it is refused, and not quoted."""
    with pytest.raises(Malformed) as refused:
        _load(tmp_path, region="eu-central-1", **{half: "planted-key"})
    assert "planted-key" not in refused.value.sentence
