"""People and organisations around a plan: the owner, representatives and relatives, professionals, organisations.

A coordinator may come from any agency (school, NAV, housing), so a professional need not be health personnel and need
not have an HPR number. Organisations have two levels, as in Norwegian addressing: the unit is `part_of` the enterprise.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Protocol, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

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
    """A means of contact (FHIR contact-point-system, without fax, pager and other)."""

    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"
    URL = "url"


class ContactPoint(Value):
    """One way to reach a person or an organisation."""

    system: ContactSystem = Field(description="Means of contact.")
    value: Text = Field(description="Number or address.")

    @property
    def doubt(self) -> str | None:
        """The reason why nobody is reached by it, in words without the value; None if it has the form of an address.

        >>> ContactPoint(system=ContactSystem.PHONE, value="Se vedlegg").doubt
        'no phone number: it has fewer than five digits'
        """
        if self.system is ContactSystem.EMAIL:
            return None if _EMAIL.fullmatch(self.value) else "no e-mail address: it has not the form name@place"
        if self.system is ContactSystem.URL:
            return None if _WEB_ADDRESS.fullmatch(self.value) else "no web address"
        digits = sum(letter.isdigit() for letter in self.value)
        return None if digits >= _FEWEST_DIGITS else "no phone number: it has fewer than five digits"


_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_WEB_ADDRESS = re.compile(r"\S+[.:]\S+")
_FEWEST_DIGITS = 5  # of a Norwegian number: 02800; most have eight


class PersonName(Value):
    """A person's name."""

    family: Text = Field(description="Family name.")
    given: Text | None = Field(default=None, description="Given names, middle names too.")

    @property
    def full(self) -> str:
        """The whole name, given names first."""
        return f"{self.given} {self.family}" if self.given else self.family


class Address(Value):
    """A postal or home address. The municipality of residence (`municipality`) is the one responsible for services."""

    lines: tuple[Text, ...] = Field(default=(), max_length=50, description="Street or box, line by line.")
    postal_code: Text | None = Field(default=None, description="Postal code (postnummer), four digits in Norway.")
    city: Text | None = Field(default=None, description="Postal place (poststed).")
    municipality: MunicipalityNumber | None = Field(
        default=None, description="Municipality of residence (code list 3402)."
    )


def _none_if_empty(address: Address | None) -> Address | None:
    return address if address is not None and any(vars(address).values()) else None


_Address = Annotated[Address | None, AfterValidator(_none_if_empty)]
"""An address; an empty one becomes None (FHIR does not allow an empty object either)."""


class Gender(StrEnum):
    """Administrative gender, as in the population register and FHIR."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class AddressProtection(StrEnum):
    """The grading of a person's address in the population register (Folkeregisteret); None: none that is known.

    The later member is the stricter. What it withholds is decided in `consent.protection`.
    """

    CONFIDENTIAL = "confidential"  # fortrolig adresse, once «kode 7»
    STRICTLY_CONFIDENTIAL = "strictly-confidential"  # strengt fortrolig adresse, once «kode 6»


Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
"""A language by BCP 47: "nb", "se", "en-GB"."""


class PlanOwner(Value):
    """The person whose plan it is (bruker, tjenestemottaker); no plan is made without the person's consent."""

    id: Id = Field(description="Id in the plan, notice or form.")
    name: PersonName = Field(description="Name.")
    identifier: PersonId | None = Field(default=None, description="Fødselsnummer, D-number, FHN or DUF number.")
    birth_date: Day | None = Field(default=None, description="Birth date.")
    gender: Gender | None = Field(default=None, description="Administrative gender.")
    contacts: tuple[ContactPoint, ...] = Field(default=(), max_length=100, description="Ways to reach the person.")
    address: _Address = Field(default=None, description="Home address.")
    protection: AddressProtection | None = Field(
        default=None, description="Grading of the address in the population register."
    )
    language: Language | None = Field(default=None, description="Language to speak with the person, by BCP 47.")
    needs_interpreter: Flag | None = Field(default=None, description="True if an interpreter is needed.")
    deceased: Day | None = Field(default=None, description="Day of death.")
    dead: Flag | None = Field(default=None, description="True if dead, where the day is not known; else none or false.")

    @model_validator(mode="after")
    def _dies_once(self) -> Self:
        if self.deceased is not None and self.dead is not None:
            message = "the day of death is given: dead is left out"
            raise ValueError(message)
        return self

    @property
    def has_died(self) -> bool:
        """True if the person is dead, on a known day or not."""
        return self.deceased is not None or self.dead is True


class MandateKind(StrEnum):
    """The ground on which somebody acts for the person."""

    PARENT = "parent"  # parental responsibility (foreldreansvar)
    GUARDIAN = "guardian"  # verge, appointed by the Statsforvalter
    WRITTEN = "written"  # fullmakt, signed by the person


MediaType = Annotated[str, StringConstraints(pattern=r"^[!-~]+/[!-~]+( [!-~]+)*$")]
"""A media type: "application/pdf"."""


class Attachment(Value):
    """A document: either its address, or its bytes in base64."""

    title: Text = Field(description="Title.")
    content_type: MediaType = Field(description="Media type.")
    url: Url | None = Field(default=None, description="Address of the document, if it lies elsewhere.")
    data: Base64 | None = Field(default=None, description="The document's bytes in base64, if they are here.")

    @model_validator(mode="after")
    def _either_url_or_data(self) -> Self:
        if (self.url is None) == (self.data is None):
            message = "an attachment has either a url or data"
            raise ValueError(message)
        return self


class Mandate(Value):
    """The right to act for the person: its ground, scope and period."""

    kind: MandateKind = Field(description="Ground of the mandate.")
    period: Period = Field(default=Period(), description="Days on which it holds.")
    scope: Text | None = Field(default=None, description="Matters it covers, in words; none: all.")
    document: Attachment | None = Field(default=None, description="The paper that shows it.")


class Relationship(StrEnum):
    """The relationship of a related person to the plan's owner."""

    MOTHER = "mother"
    FATHER = "father"
    SPOUSE = "spouse"  # also a registered or cohabiting partner
    CHILD = "child"
    SIBLING = "sibling"
    GRANDPARENT = "grandparent"
    FOSTER_PARENT = "foster-parent"  # fosterforelder; decides only with a mandate (barnevernsloven § 9-8, not verified)
    FRIEND = "friend"
    GUARDIAN = "guardian"
    OTHER = "other"


class RelatedPerson(Value):
    """A relative or other close person; with a `mandate`, a representative."""

    id: Id = Field(description="Id in the plan, notice or form.")
    name: PersonName = Field(description="Name.")
    relationship: Relationship = Field(description="Relationship to the plan's owner.")
    identifier: PersonId | None = Field(default=None, description="Fødselsnummer, D-number, FHN or DUF number.")
    contacts: tuple[ContactPoint, ...] = Field(default=(), max_length=100, description="Ways to reach the person.")
    protection: AddressProtection | None = Field(
        default=None, description="Grading of the person's address in the population register."
    )
    next_of_kin: Flag = Field(default=False, description="True for the closest relative (nærmeste pårørende).")
    mandate: Mandate | None = Field(
        default=None, description="Right to act for the plan's owner; none: no representative."
    )


class OrganizationKind(StrEnum):
    """The sector of an organisation: any agency may take part in a plan and may coordinate it."""

    HOSPITAL = "hospital"
    MUNICIPALITY = "municipality"
    COORDINATING_UNIT = "coordinating-unit"
    MUNICIPAL_HEALTH = "municipal-health"
    NURSING_HOME = "nursing-home"
    GENERAL_PRACTICE = "general-practice"
    SCHOOL = "school"
    KINDERGARTEN = "kindergarten"
    PPT = "ppt"  # pedagogisk-psykologisk tjeneste
    NAV = "nav"
    SOCIAL_SERVICES = "social-services"  # sosialtjenesten i kommunen
    CHILD_WELFARE = "child-welfare"
    HOUSING = "housing"
    EMPLOYER = "employer"
    LABOUR_MARKET_ENTERPRISE = "labour-market-enterprise"  # arbeidsmarkedsbedrift: AMB, VTA
    VOLUNTARY = "voluntary"
    OTHER = "other"


class Organization(Value):
    """An enterprise (hospital trust, municipality), or a unit of one (with `part_of`)."""

    id: Id = Field(description="Id in the plan, notice or form.")
    name: Text = Field(description="Name.")
    kind: OrganizationKind = Field(description="Sector.")
    part_of: Id | None = Field(default=None, description="Id of the organisation that this is a unit of.")
    organization_number: OrganizationNumber | None = Field(
        default=None, description="Number in the register of enterprises."
    )
    her_id: HerId | None = Field(default=None, description="Number in the address register.")
    resh_id: ReshId | None = Field(
        default=None, description="Number in the register of units of the specialist health service."
    )
    municipality: MunicipalityNumber | None = Field(default=None, description="Municipality number (code list 3402).")
    contacts: tuple[ContactPoint, ...] = Field(
        default=(), max_length=100, description="Ways to reach the organisation."
    )
    address: _Address = Field(default=None, description="Postal or visiting address.")


class RegisterNumbers(Protocol):
    """Anything with register numbers of an organisation: an `Organization`, or a `Party` to an agreement."""

    @property
    def organization_number(self) -> OrganizationNumber | None:
        """Number in the register of enterprises (Enhetsregisteret)."""

    @property
    def her_id(self) -> HerId | None:
        """Number in the address register (Adresseregisteret)."""

    @property
    def resh_id(self) -> ReshId | None:
        """Number in the register of units in the specialist health service (RESH)."""


class Profession(StrEnum):
    """A profession; health professions have a code in code list 9060, the others have none."""

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
    """Somebody who works with the person for an organisation; health personnel have an HPR number."""

    id: Id = Field(description="Id in the plan, notice or form.")
    name: PersonName = Field(description="Name.")
    organization: Id | None = Field(default=None, description="Id of the organisation that the person works for.")
    profession: Profession | None = Field(default=None, description="Profession (code list 9060 where it has a code).")
    title: Text | None = Field(default=None, description="Title or position, in words.")
    hpr_number: HprNumber | None = Field(default=None, description="Number in the register of health personnel.")
    her_id: HerId | None = Field(default=None, description="The person's own number in the address register.")
    contacts: tuple[ContactPoint, ...] = Field(
        default=(), max_length=100, description="Ways to reach the person at work."
    )
    protection: AddressProtection | None = Field(
        default=None, description="Grading of the person's own address in the population register."
    )
