"""``interlock passkey``: a passkey in a file, for drills on a local stack."""

from pathlib import Path
from typing import Annotated

import typer

from cli import output
from cli.options import JsonOption, StateOption
from cli.state import State
from contracts.errors import Malformed, PermissionRefused
from contracts.passkey import Passkey
from embedded.lock import claim
from embedded.soft_passkey import SoftPasskey, place_of
from policies.enrolment import enrolled, lines
from policies.people import full_principal

app = typer.Typer(no_args_is_help=True, help="Passkeys in files, for drills; people have devices.")


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="Whose it is: a principal of people.yaml, such as grace.")],
    people: Annotated[
        Path | None, typer.Option("--people", help="A people.yaml that gets its lines at once.")
    ] = None,
    host: Annotated[str, typer.Option(help="Of the pages on which it signs.")] = "localhost",
    env: Annotated[str, typer.Option(help="Environment; prod is refused.")] = "dev",
    state: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a passkey in STATE/passkeys/NAME.json and print its lines for people.yaml.

    It is for drills: whoever reads the file signs as that person.

    Example: interlock passkey make grace --people policies/people.yaml
    """
    if env == "prod":
        raise PermissionRefused("a passkey in a file is for drills: in prod people sign with their devices")
    directory = State.at(state).directory
    short = full_principal(name).removeprefix("principal:")
    path, made = place_of(directory, short), SoftPasskey.create(f"drill {short}", host)
    into = None if people is None else _with(people, full_principal(name), made.passkey)
    claim(directory)
    made.save(path)
    if people is not None and into is not None:
        people.write_text(into, encoding="utf-8")
    _tell(path, full_principal(name), made.passkey, people, as_json=as_json)


def _with(people: Path, principal: str, passkey: Passkey) -> str:
    try:
        return enrolled(people.read_text(encoding="utf-8"), principal, passkey)
    except (OSError, ValueError) as error:
        raise Malformed(f"{people} cannot be read ({type(error).__name__})") from error
    except Malformed as error:
        raise Malformed(f"{people}: {error.sentence}") from error


def _tell(path: Path, principal: str, passkey: Passkey, people: Path | None, *, as_json: bool) -> None:
    if as_json:
        output.document({"path": str(path), "principal": principal, "id": passkey.credential_id})
        return
    output.say(f"{path} signs as {principal} from now on. It is for drills: keep it from everyone else.")
    output.say(f"Put into {people}:" if people else "Its lines for people.yaml, in force once published:")
    output.say(lines(principal, passkey))
