"""The wheel, built once, and a clean environment it is installed in."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house import wheel_gate


@dataclass(frozen=True)
class Installed:
    """The built wheel in an environment of its own, with the core's dependencies and no extra."""

    wheel: Path
    environment: Path
    site_packages: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.environment / "bin" / "python"


@pytest.fixture(scope="session")
def installed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel of this checkout, installed in a clean environment."""
    place = tmp_path_factory.mktemp("wheel")
    wheel = wheel_gate.build_wheel(checkout, place / "dist")
    site_packages = wheel_gate.new_environment(place / "venv", wheel_gate.core_requirements(checkout))
    wheel_gate.install_wheel(wheel, place / "venv")
    return Installed(wheel, place / "venv", site_packages)
