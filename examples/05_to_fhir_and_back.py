"""A plan as a FHIR bundle, back again, and onto a bundle that another system has added to: nothing is lost."""

import json
from copy import deepcopy
from pathlib import Path

from ip_fhir import IndividualPlan, from_fhir, put_plan, read, to_fhir
from ip_fhir.domain.plan import Achievement

FILE = Path(__file__).parent / "plans" / "01-child-with-cerebral-palsy.json"
plan = read(IndividualPlan, FILE.read_bytes())

bundle = to_fhir(plan)
types = sorted({entry["resource"]["resourceType"] for entry in bundle["entry"]})
print(f"{len(bundle['entry'])} resources: {', '.join(types)}")
assert from_fhir(json.loads(json.dumps(bundle))) == plan, "what was written is read back"

# The peer has added something of its own, which no table of ours names.
theirs = deepcopy(bundle)
first_goal = next(entry["resource"] for entry in theirs["entry"] if entry["resource"]["resourceType"] == "Goal")
first_goal["extension"] = [
    *first_goal.get("extension", []),
    {"url": "https://peer.example/colour", "valueString": "blå"},
]

# The plan changes: one goal is reached. Only that changes in the bundle.
goals = tuple(g.evolve(achievement=Achievement.ACHIEVED) if g.id == plan.goals[0].id else g for g in plan.goals)
changed = plan.evolve(goals=goals, version=plan.version + 1)
updated = put_plan(changed, theirs)
assert from_fhir(updated) == changed
assert "https://peer.example/colour" in json.dumps(updated)
same = sum(new == old for new, old in zip(updated["entry"], theirs["entry"], strict=True))
print(f"after the change {same} of {len(theirs['entry'])} resources are as they were")
