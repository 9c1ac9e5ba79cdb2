"""The five stories: each person's plan and notice, the green forms, and the ending that the loop should have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import EventKind, FormStatus, State
from ip_fhir.domain.values.value import Value, read
from ip_fhir.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from ip_fhir.report.words.codes import Language

V = TypeVar("V", bound=Value)


@dataclass(frozen=True, slots=True)
class Ending:
    """The ending that a loop should have: state, reminders sent, the status of each form, coordinators at once."""

    state: State = State.CONFIRMED
    reminders: int = 0
    forms: tuple[FormStatus, ...] = (FormStatus.COMPLETE,)
    coordinators: int = 1


@dataclass(frozen=True, slots=True)
class InterimMessage:
    """A message of the coordinating unit before its answer, a number of working days after the notice."""

    kind: EventKind
    days: int


@dataclass(frozen=True, slots=True)
class Script:
    """A story's script: its files, its caption (Norwegian, English), its messages and its ending."""

    number: str
    who: dict[Language, str]
    shows: dict[Language, str]
    ending: Ending
    words: tuple[InterimMessage, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """A script with its files read."""

    script: Script
    plan: IndividualPlan
    notice: Notice
    forms: tuple[GreenForm, ...]

    @property
    def name(self) -> str:
        """The first name of the person, who is made up."""
        return self.notice.owner.name.given or self.notice.owner.id


SCRIPTS: tuple[Script, ...] = (
    Script(
        "01",
        {"nb": "barn med cerebral parese", "en": "a child with cerebral palsy"},
        {"nb": "Besvart med en gang", "en": "Answered at once"},
        Ending(),
    ),
    Script(
        "02",
        {"nb": "voksen med psykisk lidelse og rus", "en": "an adult with mental illness and substance use"},
        {"nb": "Besvart først etter to purringer", "en": "Answered only after two reminders"},
        Ending(reminders=2),
    ),
    Script(
        "03",
        {"nb": "slagpasient på vei hjem", "en": "a stroke patient leaving hospital"},
        {"nb": "Skjemaet var først mangelfullt", "en": "The form was incomplete at first"},
        Ending(forms=(FormStatus.INCOMPLETE, FormStatus.COMPLETE)),
        (InterimMessage(EventKind.ASSESS, 2),),
    ),
    Script(
        "04",
        {"nb": "ung voksen fra skole til arbeid", "en": "a young adult from school to work"},
        {"nb": "To koordinatorer samtidig", "en": "Two coordinators at once"},
        Ending(coordinators=2),
        (InterimMessage(EventKind.ACCEPT, 1),),
    ),
    Script(
        "05",
        {"nb": "kvinne på nitti på sykehjem", "en": "a woman of ninety in a nursing home"},
        {"nb": "Avslått, med grunn og klagerett", "en": "Rejected, with a reason and the right to complain"},
        Ending(state=State.REJECTED, coordinators=0),
    ),
)


def find_examples(named: Path | None) -> Path:
    """Returns the folder with plans/, notices/ and green_forms/. Raises `InvalidInput` with the option that names it.

    The examples are part of a checkout, not of an installed package.
    """
    places = [named] if named is not None else [Path(__file__).parents[2] / "examples", Path("examples")]
    for place in places:
        if (place / "plans").is_dir() and (place / "notices").is_dir() and (place / "green_forms").is_dir():
            return place
    reason = "has no plans/, notices/ and green_forms/; name the examples of a checkout: --examples DIR"
    raise InvalidInput.at(str(places[-1]), reason, "not-found")


def load_stories(examples: Path) -> tuple[Story, ...]:
    """Reads every story with its files. Raises `InvalidInput` with the file's name."""
    return tuple(_load(script, examples) for script in SCRIPTS)


def _load(script: Script, examples: Path) -> Story:
    (plan,) = _read(IndividualPlan, examples / "plans", script.number, 1)
    (notice,) = _read(Notice, examples / "notices", script.number, 1)
    forms = _read(GreenForm, examples / "green_forms", script.number, len(script.ending.forms))
    return Story(script, plan, notice, forms)


def _read(model: type[V], folder: Path, number: str, count: int) -> tuple[V, ...]:
    files = sorted(folder.glob(f"{number}-*.json"))
    if len(files) != count:
        reason = f"holds {len(files)} files {number}-*.json; the story needs {count}"
        raise InvalidInput.at(str(folder), reason, "not-found")
    return tuple(_read_one(model, file) for file in files)


def _read_one(model: type[V], file: Path) -> V:
    try:
        return read(model, file.read_bytes())
    except InvalidInput as error:
        raise InvalidInput(Problem(f"{file}: {p.path}", p.reason, p.code) for p in error.problems) from None
    except OSError as error:
        raise InvalidInput.at(str(file), f"cannot be read: {error.strerror}", "not-found") from None
