"""The way of a plan to another holder: offered, accepted or declined, and never two holders at once.

When the old side has taken a yes it holds the plan no longer, and sends it once more, as it is then: by that the new
side holds it. So the old side, which takes one yes at most, decides which of two handovers wins, and nothing that was
saved after the offer is lost. Once the plan is there, the old side says to all participants who holds it: nobody is
sent to a side that has no plan yet. They listen to the new holder when the old one, or a person of theirs, has said
who it is; only the highest epoch counts.

| module | has |
|---|---|
| `offering` | the old holder: the offer, its answer, and the way of the plan to the new one |
| `taking` | the new holder: an offer that came, our answer, and the plan itself |
| `listening` | the participants: who holds the plan, and who is listened to |
"""
