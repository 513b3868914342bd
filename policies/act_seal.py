"""The break-glass process's word on a frozen record: believed only where its signature and digest hold."""

from contracts.action import Frozen
from contracts.break_glass import ActSeal
from contracts.errors import TokenRefused
from contracts.run import ActionRecord
from contracts.tokens import Purpose, Verifier


def confirmed(verifier: Verifier, action: ActionRecord) -> Frozen:
    """The frozen record of an act that its person confirmed. Raises TokenRefused."""
    if action.frozen is None or action.seal is None:
        raise TokenRefused("the act was not confirmed")
    frozen = Frozen.read(action.frozen)
    seal = ActSeal.read(verifier.verify(Purpose.BREAK_GLASS, action.seal))
    told = (seal.session_id, seal.action_id, seal.action_digest, frozen.action_id, frozen.run_id)
    if told != (action.run_id, action.action_id, frozen.digest(), action.action_id, action.run_id):
        raise TokenRefused("the frozen record is not what its person confirmed")
    return frozen
