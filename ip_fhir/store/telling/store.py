"""`ip_fhir.ports.telling.TellingStore` in a SQL database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.errors import Conflict
from ip_fhir.store import codec
from ip_fhir.store.damage.reading import SqlReader
from ip_fhir.store.plans.transaction import SqlPlanTransaction
from ip_fhir.store.telling import statements

if TYPE_CHECKING:
    from ip_fhir.ports import OutboxRow


class SqlTellingTransaction(SqlPlanTransaction):
    """Implements `ip_fhir.ports.telling.TellingTransaction`, beside all that `SqlPlanTransaction` does."""

    def next_telling(self, recipient: str, row_id: str) -> int:
        """Give a new row its number. `Conflict` if another takes the same number at this moment."""
        number = int(self._run(statements.LAST, {"of_recipient": recipient}).scalar()) + 1
        if self._add(statements.ADD, {"recipient": recipient, "number": number, "row_id": row_id}) == 0:
            raise Conflict("another is told at this moment")
        return number


class SqlTellings(SqlReader):
    """Finds what a recipient was told by its number. The rows are in the chain of evidence; their numbers are not."""

    def tellings(self, recipient: str, first: int = 1, limit: int = 100) -> list[OutboxRow]:
        """Returns the rows to a recipient from a number on, in order."""
        values = {"of_recipient": recipient, "first": first, "at_most": limit}
        return self._list("outbox", statements.FROM, values, codec.outbox_row)

    def last_telling(self, recipient: str) -> int:
        """Returns the last number of a recipient; 0 if it was told nothing."""
        return int(self._read(statements.LAST, {"of_recipient": recipient})[0][0])
