"""A green form closes the loop only when it is complete: what the first answer lacked, and what the second brought."""

from pathlib import Path

from ip_fhir import GreenForm, Notice, missing_items, read

HERE = Path(__file__).parent
notice = read(Notice, (HERE / "notices" / "03-stroke-patient.json").read_bytes())
first = read(GreenForm, (HERE / "green_forms" / "03-stroke-patient-1-incomplete.json").read_bytes())
second = read(GreenForm, (HERE / "green_forms" / "03-stroke-patient-2-complete.json").read_bytes())

print("first answer lacks:", ", ".join(missing_items(first, notice)))
print("second answer lacks:", ", ".join(missing_items(second, notice)) or "nothing")
assert first.answers == second.answers == notice.correlation_id
assert missing_items(first, notice)
assert not missing_items(second, notice)
