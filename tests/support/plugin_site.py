"""Plug-ins of strangers: a directory on the import path, and distributions in it as pip leaves them."""

from pathlib import Path

LISTENER = '''
from ip_fhir.errors import InvalidInput
class Ear:
    """Notes its start and stop in the file that the option `notes` names."""
    name = "ear"
    def __init__(self, options):
        for option in set(options) - {"port", "notes", "fails"}:
            raise InvalidInput.at(option, "is not known here", "structure")
        self.options = options
    def start(self, exchange):
        self.note("start")
        if self.options.get("fails"):
            raise OSError(98, "Address already in use")
    def stop(self):
        self.note("stop")
    def note(self, word):
        if "notes" in self.options:
            with open(self.options["notes"], "a", encoding="utf-8") as file:
                file.write(word + "\\n")
make = Ear
'''


def install(path: Path, name: str, module: str, code: str, group: str = "ip_fhir.adapters") -> None:
    """A distribution with one entry point, as pip leaves it."""
    (path / f"{module}.py").write_text(code, encoding="utf-8")
    info = path / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}:make\n", encoding="utf-8")
