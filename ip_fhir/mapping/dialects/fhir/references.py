"""The leaf lenses for references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.lenses.wrong import expect

if TYPE_CHECKING:
    from ip_fhir.mapping.lenses.references import Links


class Reference:
    """A Reference to something with a domain id."""

    def get(self, node: Any, links: Links) -> str | None:
        """The domain id; a logical reference or a display alone is not ours."""
        reference = expect(node, dict, "an object").get("reference")
        if reference is None:
            return None
        return links.ident(expect(reference, str, "text"))

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """Another target: what described the old one (display, identifier, type) goes with it."""
        rest = {k: v for k, v in (node or {}).items() if k not in ("reference", "display", "identifier", "type")}
        if value is None:
            return rest or None
        return {"reference": links.reference(value), **rest}

    def owns(self, node: Any) -> bool:
        """An object with a literal reference."""
        return type(node) is dict and "reference" in node


class Representative(Reference):
    """A Reference to somebody other than the plan owner; the owner is the rule and reads as nobody named."""

    def get(self, node: Any, links: Links) -> str | None:
        """The domain id of somebody else."""
        ident = super().get(node, links)
        return None if ident == links.owner else ident


class OwnPractitioner(Reference):
    """From a PractitionerRole to its Practitioner: one professional with one id in the domain.

    Among the links `~id` is the reference of the Practitioner, `id` that of the role.
    """

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """The reference to the Practitioner."""
        if not links.closed and f"~{value}" not in links.references:
            return {"reference": f"Practitioner/{value}"}
        return super().put(None if value is None else f"~{value}", node, links)


class WholeReference(Reference):
    """A Reference to the plan, notice or form itself: among the links `=id`."""

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """The reference to the whole."""
        return super().put(None if value is None else f"={value}", node, links)
