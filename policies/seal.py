"""The tool worker's word on a frozen record: believed only where its signature and digest hold."""

from contracts.action import Frozen
from contracts.errors import TokenRefused
from contracts.run import ActionRecord
from contracts.tokens import FrozenSeal, Purpose, Verifier


def sealed(verifier: Verifier, action: ActionRecord) -> Frozen:
    """The frozen record of an action whose seal and digest hold. Raises TokenRefused."""
    if action.frozen is None or action.seal is None:
        raise TokenRefused("the action was not prepared")
    frozen = Frozen.read(action.frozen)
    seal = FrozenSeal.read(verifier.verify(Purpose.FROZEN, action.seal))
    told = (seal.run_id, seal.action_id, seal.action_digest, frozen.action_id, frozen.run_id)
    if told != (action.run_id, action.action_id, frozen.digest(), action.action_id, action.run_id):
        raise TokenRefused("the frozen record is not what the tool worker sealed")
    return frozen
