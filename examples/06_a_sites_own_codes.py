"""A municipality with codes of its own: local goal categories beside ours, and a local role code. See overlays/."""

from pathlib import Path

from ip_fhir import IndividualPlan, Mapper, MappingError, put_plan, read, to_fhir

HERE = Path(__file__).parent
plan = read(IndividualPlan, (HERE / "plans" / "05-woman-of-ninety.json").read_bytes())
nordvik = Mapper.load(HERE / "overlays" / "nordvik.toml")  # checked, and tried against the laws of the lenses

bundle = nordvik.to_fhir(plan)
goal = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Goal")
print("a goal, for everybody and for Nordvik:")
for coding in goal["category"][0]["coding"]:
    print("  ", coding["system"], coding["code"], coding["display"])

team = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "CareTeam")
codings = [coding for member in team["participant"] for coding in member["role"][0]["coding"]]
print("the primary contact:", [(c["code"], c["display"]) for c in codings if c["code"] in ("9", "PK")])

assert nordvik.from_fhir(bundle) == plan  # what was written is read back
assert put_plan(plan, bundle, nordvik) == bundle  # writing what was read changes nothing
assert to_fhir(plan) != bundle  # and whoever has no overlay writes as before

wrong = {"table": [{"name": "Goal", "row": [{"domain": "target", "fhir": "note[0].text"}]}]}
try:
    Mapper.load(wrong)
except MappingError as error:
    print("refused:", error)
else:
    raise SystemExit("two fields at one place were taken")
