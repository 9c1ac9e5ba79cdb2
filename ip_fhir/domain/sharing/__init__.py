"""Sharing of a plan: each participant has the view that the person lets it see, and its changes come back.

| module | has |
|---|---|
| `participants` | the parties that take part in a plan on a day, and the persons of each |
| `policy` | the areas that are open to a party on a day, and the areas of each item |
| `ids` | the ids of a share: keyed, stable, telling nothing |
| `see` | `see(plan, share, on)`: the view of a share on a day; `settle`: if it is another one than before |
| `put_back` | `put_back(view, share, plan, on)`: the plan with what was changed in a view |
| `lens` | the room of the cut: the table of what a view shows, refusals, and the view of representatives |
| `rights` | the changes that a participant makes at once, proposes, or may not make |
| `terms` | the terms of sharing in an agreement |
| `life` | the room of events: who raises them, and what follows: changes, invitations, handover, clocks |
"""
