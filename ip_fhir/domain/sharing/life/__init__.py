"""The life of a shared plan: events, who raises them, what follows. `decision.decide_plan` is a pure function.

| module | has |
|---|---|
| `table` | every event, the side and source that may raise it, what was found, and what follows |
| `decision` | `decide_plan`, `due_plan_event`, `is_to_be_settled`: the way from an event to its effects |
| `surroundings` | what the settings and agreements say about the parties of a plan |
| `step` | the step that is being decided, and its result `PlanDecision` |
| `saving` | a new version of the plan, and the end of one |
| `shares` | shares begin, get a new view, and end, by membership, agreement and consent |
| `changes`, `parts` | a participant's change, decided part by part |
| `numbers` | views, withdrawals and receipts: numbers decide, never clocks; what follows a restored backup |
| `invitations`, `requests`, `handover` | proposed memberships, questions for a plan, the way to another holder |
| `clocks` | deadlines, and the days on which something turns |
| `worklist` | the reasons for which people are told, and when nobody needs to look any more |
| `promises` | the eleven promises |
"""
