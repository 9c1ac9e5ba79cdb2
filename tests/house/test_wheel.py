"""The built wheel, installed in a clean environment, holds what it must and nothing else."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house import wheel_gate
from tests.house.conftest import Installed


def run(installed: Installed, code: str) -> str:
    """What `code` prints in the clean environment, which sees nothing of this checkout."""
    command = [str(installed.python), "-I", "-W", "error", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=installed.environment).stdout


def test_every_table_is_installed(checkout: Path, installed: Installed) -> None:
    """Every file under mappings/ is in the installed package, byte for byte."""
    assert any((checkout / "mappings").rglob("*.toml")), "there are no tables to look for"
    assert wheel_gate.missing_tables(checkout, installed.site_packages) == []


def test_nothing_but_ours_is_installed(installed: Installed) -> None:
    """Nothing lands in site-packages but `ip_fhir` and `ip_fhir_*`: no tests, no docs."""
    assert wheel_gate.strangers(installed.site_packages) == []


def test_tables_hold_no_code(checkout: Path) -> None:
    """mappings/ is data only: a condition belongs in a named converter, not beside a table."""
    assert list((checkout / "mappings").rglob("*.py")) == []


def test_import_sees_the_installed_package(installed: Installed) -> None:
    """`import ip_fhir` works with core dependencies only, from the wheel, and every public name is there."""
    code = "import ip_fhir; [getattr(ip_fhir, name) for name in ip_fhir.__all__]; print(ip_fhir.__file__)"
    assert Path(run(installed, code).strip()).is_relative_to(installed.site_packages)


def test_types_are_published(installed: Installed) -> None:
    """A caller's type checker reads our types: `py.typed` is in the wheel, the adapters' too."""
    packages = [path for path in installed.site_packages.glob("ip_fhir*") if (path / "__init__.py").is_file()]
    assert len(packages) > 1
    assert [path.name for path in packages if not (path / "py.typed").is_file()] == []


def test_import_is_light(installed: Installed) -> None:
    """`import ip_fhir` loads no web, XML, database or FHIR model package until one is used."""
    assert wheel_gate.heavy_imports(installed.python, "import ip_fhir") == set()


def test_plug_ins_are_found_as_entry_points(checkout: Path, installed: Installed) -> None:
    """Every adapter and wire format is found by its entry point, and loads from the wheel."""
    code = (
        "import json, sys; from importlib.metadata import entry_points;"
        "found = {e.name: (e.load(), sys.modules[e.module].__file__)[1]"
        " for group in ('ip_fhir.adapters', 'ip_fhir.formats') for e in entry_points(group=group)};"
        "print(json.dumps(found))"
    )
    found: dict[str, str] = json.loads(run(installed, code))
    groups = wheel_gate.project(checkout)["entry-points"]
    assert set(found) == {*groups["ip_fhir.adapters"], *groups["ip_fhir.formats"]}
    assert all(Path(file).is_relative_to(installed.site_packages) for file in found.values())


def test_the_command_runs_without_extras(installed: Installed) -> None:
    """`ip-fhir --help` works with core dependencies only."""
    command = [str(installed.environment / "bin" / "ip-fhir"), "--help"]
    ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=installed.environment)
    assert ran.returncode == 0, ran.stderr
    assert "demo" in ran.stdout


def test_the_installed_command_maps_a_plan(checkout: Path, installed: Installed) -> None:
    """From the wheel in a fresh environment: `ip-fhir --version`, and an example plan to FHIR and back."""
    command, plan = str(installed.environment / "bin" / "ip-fhir"), "03-stroke-patient.json"
    said = _said(installed, command, "--version")
    assert said == f"ip-fhir {wheel_gate.project(checkout)['version']}\n"
    bundle = installed.environment / "bundle.json"
    bundle.write_text(_said(installed, command, "map", str(checkout / "examples" / "plans" / plan), "--to", "fhir"))
    back = json.loads(_said(installed, command, "map", str(bundle), "--to", "plan"))
    given = json.loads((checkout / "examples" / "plans" / plan).read_bytes())
    assert (back["id"], back["owner"]["name"]) == (given["id"], given["owner"]["name"])


def _said(installed: Installed, *command: str) -> str:
    """What a command in the clean environment printed."""
    ran = subprocess.run(command, check=False, capture_output=True, text=True, cwd=installed.environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


# --- the gate can fail ---------------------------------------------------------------------------


@pytest.fixture
def broken(checkout: Path, tmp_path: Path) -> Path:
    """A copy of what the wheel is built from, with one table more, for a test to break."""
    copy = wheel_gate.copy_for_build(checkout, tmp_path / "checkout")
    (copy / "mappings" / "made-up.toml").write_text("", encoding="utf-8")
    return copy


def unpacked(checkout: Path, into: Path) -> Path:
    """The wheel of `checkout`, unpacked as site-packages."""
    shutil.unpack_archive(wheel_gate.build_wheel(checkout, into / "dist"), into / "site", format="zip")
    return into / "site"


def change(file: Path, old: str, new: str) -> None:
    """Put `new` where `old` stood, which must have been there."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_gate_is_green_before_it_is_broken(broken: Path, tmp_path: Path) -> None:
    """The copy that the tests below break passes the gate."""
    site_packages = unpacked(broken, tmp_path)
    assert wheel_gate.missing_tables(broken, site_packages) == []
    assert wheel_gate.strangers(site_packages) == []


def test_gate_sees_tables_left_out(broken: Path, tmp_path: Path) -> None:
    """A wheel without the tables is seen; packaging defaults drop them silently."""
    change(broken / "pyproject.toml", '["ip_fhir", "mappings", "adapters"]', '["ip_fhir", "adapters"]')
    assert "made-up.toml" in wheel_gate.missing_tables(broken, unpacked(broken, tmp_path))


def test_gate_sees_a_changed_table(broken: Path, tmp_path: Path) -> None:
    """A table that is not the one in the checkout is seen."""
    site_packages = unpacked(broken, tmp_path)
    (broken / "mappings" / "made-up.toml").write_text("changed = true", encoding="utf-8")
    assert wheel_gate.missing_tables(broken, site_packages) == ["made-up.toml"]


def test_gate_sees_strangers(broken: Path, tmp_path: Path) -> None:
    """A wheel that puts a top-level folder of ours beside everybody else's packages is seen."""
    change(broken / "pyproject.toml", '"mappings" = "ip_fhir/_mappings"\n', "")
    assert "mappings/made-up.toml" in wheel_gate.strangers(unpacked(broken, tmp_path))


def test_gate_sees_a_heavy_import(installed: Installed) -> None:
    """An import that loads a database package is seen."""
    assert "sqlalchemy" in wheel_gate.heavy_imports(installed.python, "import ip_fhir, sqlalchemy")


def test_clean_environment_is_clean(installed: Installed) -> None:
    """The clean environment holds no test tool and no extra: what imports there needs only the core."""
    code = "import importlib.util as u; print([n for n in ('pytest', 'starlette', 'jinja2') if u.find_spec(n)])"
    assert run(installed, code).strip() == "[]"
