"""People and organisations around a plan: the owner, representatives and relatives, professionals, organisations.

A coordinator may come from any agency (school, NAV, housing), so a professional need not be health personnel and need
not have an HPR number. Organisations have two levels, as in Norwegian addressing: the unit is `part_of` the enterprise.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Protocol, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from ip_fhir.domain.values.ids import (
    HerId,
    HprNumber,
    MunicipalityNumber,
    OrganizationNumber,
    PersonId,
    ReshId,
)
from ip_fhir.domain.values.value import Base64, Day, Flag, Id, Period, Text, Url, Value


class ContactSystem(StrEnum):
    """How somebody is reached (FHIR contact-point-system, less what nobody uses here)."""

    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"
    URL = "url"


class ContactPoint(Value):
    """One way to reach a person or an organisation."""

    system: ContactSystem
    value: Text


class PersonName(Value):
    """A person's name."""

    family: Text
    given: Text | None = None

    @property
    def full(self) -> str:
        """Given name first, as it is spoken."""
        return f"{self.given} {self.family}" if self.given else self.family


class Address(Value):
    """A postal or home address. `municipality` is where the person lives, which decides who is responsible."""

    lines: tuple[Text, ...] = ()
    postal_code: Text | None = None
    city: Text | None = None
    municipality: MunicipalityNumber | None = None


def _if_it_says_something(address: Address | None) -> Address | None:
    return address if address is not None and any(vars(address).values()) else None


_Address = Annotated[Address | None, AfterValidator(_if_it_says_something)]
"""An address; one that says nothing is none (an empty object is nothing in FHIR either)."""


class Gender(StrEnum):
    """Administrative gender, as in the population register and FHIR."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
"""A language by BCP 47: "nb", "se", "en-GB"."""


class PlanOwner(Value):
    """The person whose plan it is (bruker, tjenestemottaker): always central; no plan is made without consent."""

    id: Id
    name: PersonName
    identifier: PersonId | None = None
    birth_date: Day | None = None
    gender: Gender | None = None
    contacts: tuple[ContactPoint, ...] = ()
    address: _Address = None
    language: Language | None = None
    needs_interpreter: Flag | None = None
    deceased: Day | None = None


class MandateKind(StrEnum):
    """On what ground somebody acts for the person."""

    PARENT = "parent"  # parental responsibility (foreldreansvar)
    GUARDIAN = "guardian"  # verge, appointed by the Statsforvalter
    WRITTEN = "written"  # fullmakt, signed by the person


MediaType = Annotated[str, StringConstraints(pattern=r"^[!-~]+/[!-~]+( [!-~]+)*$")]
"""A media type: "application/pdf"."""


class Attachment(Value):
    """A document: where it lies, or its bytes in base64."""

    title: Text
    content_type: MediaType
    url: Url | None = None
    data: Base64 | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.url is None) == (self.data is None):
            message = "an attachment has either a url or data"
            raise ValueError(message)
        return self


class Mandate(Value):
    """The right to act for the person: its ground, what it covers and how long."""

    kind: MandateKind
    period: Period = Period()
    scope: Text | None = None
    document: Attachment | None = None


class Relationship(StrEnum):
    """How somebody belongs to the person."""

    MOTHER = "mother"
    FATHER = "father"
    SPOUSE = "spouse"  # also a registered or cohabiting partner
    CHILD = "child"
    SIBLING = "sibling"
    GRANDPARENT = "grandparent"
    FRIEND = "friend"
    GUARDIAN = "guardian"
    OTHER = "other"


class RelatedPerson(Value):
    """A relative or other close person; with a `mandate`, a representative."""

    id: Id
    name: PersonName
    relationship: Relationship
    identifier: PersonId | None = None
    contacts: tuple[ContactPoint, ...] = ()
    next_of_kin: Flag = False
    mandate: Mandate | None = None


class OrganizationKind(StrEnum):
    """Which sector an organisation belongs to: any agency may take part and may coordinate."""

    HOSPITAL = "hospital"
    MUNICIPALITY = "municipality"
    COORDINATING_UNIT = "coordinating-unit"
    MUNICIPAL_HEALTH = "municipal-health"
    NURSING_HOME = "nursing-home"
    GENERAL_PRACTICE = "general-practice"
    SCHOOL = "school"
    KINDERGARTEN = "kindergarten"
    NAV = "nav"
    CHILD_WELFARE = "child-welfare"
    HOUSING = "housing"
    EMPLOYER = "employer"
    VOLUNTARY = "voluntary"
    OTHER = "other"


class Organization(Value):
    """An enterprise (hospital trust, municipality) or a unit of one (`part_of`)."""

    id: Id
    name: Text
    kind: OrganizationKind
    part_of: Id | None = None
    organization_number: OrganizationNumber | None = None
    her_id: HerId | None = None
    resh_id: ReshId | None = None
    municipality: MunicipalityNumber | None = None
    contacts: tuple[ContactPoint, ...] = ()
    address: _Address = None


class RegisterNumbers(Protocol):
    """The numbers that registers give an organisation: of an `Organization`, or of a party to an agreement."""

    @property
    def organization_number(self) -> OrganizationNumber | None:
        """In the register of enterprises."""

    @property
    def her_id(self) -> HerId | None:
        """In the address register."""

    @property
    def resh_id(self) -> ReshId | None:
        """In the register of units in the specialist health service."""


def numbers_agree(one: RegisterNumbers, other: RegisterNumbers) -> bool | None:
    """The one rule of "the same organisation": True if some register number is the same in both descriptions.

    False if numbers of one register stand in both and none is the same; None if there is none to compare. Not all need
    agree: a unit often has the organisation number of its enterprise, and a HER-id of its own.
    """
    pairs = (
        (one.her_id, other.her_id),
        (one.organization_number, other.organization_number),
        (one.resh_id, other.resh_id),
    )
    compared = [a == b for a, b in pairs if a is not None and b is not None]
    return any(compared) if compared else None


def same_organization(one: Organization, other: Organization) -> bool:
    """True if two descriptions mean one organisation: by `numbers_agree`; with no number to compare, by the id.

    Where an id of one side means nothing to the other, as in consents, ask `numbers_agree`.
    """
    agree = numbers_agree(one, other)
    return one.id == other.id if agree is None else agree


class Profession(StrEnum):
    """What somebody works as; health professions are coded in list 9060, the others have no code there."""

    PHYSICIAN = "physician"
    NURSE = "nurse"
    ASSISTANT_NURSE = "assistant-nurse"
    PHYSIOTHERAPIST = "physiotherapist"
    OCCUPATIONAL_THERAPIST = "occupational-therapist"
    PSYCHOLOGIST = "psychologist"
    SOCIAL_EDUCATOR = "social-educator"  # vernepleier
    DENTIST = "dentist"
    SPEECH_THERAPIST = "speech-therapist"
    SOCIAL_WORKER = "social-worker"
    TEACHER = "teacher"
    PEDAGOGUE = "pedagogue"
    CASE_WORKER = "case-worker"
    OTHER = "other"


class Professional(Value):
    """Somebody who works with the person for an organisation; health personnel where there is an HPR number."""

    id: Id
    name: PersonName
    organization: Id | None = None
    profession: Profession | None = None
    title: Text | None = None
    hpr_number: HprNumber | None = None
    her_id: HerId | None = None
    contacts: tuple[ContactPoint, ...] = ()
