"""Read a plan from JSON and ask which of the law's items a) to i) it meets."""

from pathlib import Path

from ip_fhir import IndividualPlan, completeness, read

PLANS = Path(__file__).parent / "plans"

for file in sorted(PLANS.glob("*.json")):
    plan = read(IndividualPlan, file.read_bytes())
    items = completeness(plan)
    met = "".join(item.item for item in items if item.met)
    print(f"{file.stem}: {len(plan.main_goals)} main goals, {len(plan.measures)} measures; meets {met}")
    for item in items:
        for missing in item.missing:
            print(f"  {item.item}) lacks {missing}")
    assert read(IndividualPlan, plan.to_json()) == plan, "what is written is read back"
