"""The leaf kinds for references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.mapping.dialects.fhir.unread import MARK
from ip_fhir.mapping.lenses.leaf_kind import LeafKind
from ip_fhir.mapping.lenses.nodes import Leaf
from ip_fhir.mapping.lenses.wrong import expect

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.model import Row


# The members that speak of the target, also an identifier that is set aside.
_OF_THE_OLD: Final = ("reference", "display", "identifier", "type", f"identifier{MARK}")


class Reference(Leaf):
    """A Reference to something with a domain id."""

    def get(self, node: Any, links: Links) -> str | None:
        """The domain id; a logical reference or a display alone is not ours."""
        reference = expect(node, dict, "an object").get("reference")
        if reference is None:
            return None
        return links.ident(expect(reference, str, "text"))

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """The Reference to another target; display, identifier and type of the old one are removed."""
        rest = {k: v for k, v in (node or {}).items() if k not in _OF_THE_OLD}
        if value is None:
            return rest or None
        return {"reference": links.reference(value), **rest}

    def owns(self, node: Any) -> bool:
        """True for an object with a literal reference."""
        return type(node) is dict and "reference" in node


class Representative(Reference):
    """A Reference to somebody other than the plan owner; the owner is the rule and reads as nobody named."""

    def get(self, node: Any, links: Links) -> str | None:
        """The domain id of somebody else."""
        ident = super().get(node, links)
        return None if ident == links.owner else ident


class OwnPractitioner(Reference):
    """A PractitionerRole's reference to its Practitioner: one professional with one id in the domain.

    Among the links `~id` is the reference of the Practitioner, `id` that of the role.
    """

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """The reference to the Practitioner."""
        if not links.closed and f"~{value}" not in links.references:
            return {"reference": f"Practitioner/{value}"}
        return super().put(None if value is None else f"~{value}", node, links)


class WholeReference(Reference):
    """A Reference to the plan, notice or form itself: among the links `=id`."""

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """The reference to the whole."""
        return super().put(None if value is None else f"={value}", node, links)


def _ident(_row: Row, number: int) -> str:
    return f"r{number % 64}"


KINDS: Final = (
    LeafKind("reference", lambda _: Reference(), "reference", element="Reference", sample=_ident, refers=True),
    LeafKind("representative", lambda _: Representative(), "lens", element="Reference", sample=_ident, refers=True),
    LeafKind(
        "practitioner",
        lambda _: OwnPractitioner(),
        "lens",
        element="Reference",
        sample=lambda _, number: f"r{number}",
        written='refs["~" + {}]',
        of_role=True,
    ),
    LeafKind("whole", lambda _: WholeReference(), "lens", element="Reference", sample=_ident, written='refs["=" + {}]'),
)
