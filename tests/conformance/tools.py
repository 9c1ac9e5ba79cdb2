"""The tools of others that judge, compile and talk: Maven and Java, Node, and Python in an environment of its own.

Each is made once for a checkout and kept until what it is made from changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / ".build"
OWN_CLIENTS = HERE.parents[1] / "examples" / "clients"
# One quick compiler and the plainest collector: a run of a minute earns nothing back from better ones.
JAVA_OPTIONS = ("-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class ToolFailed(Exception):
    """A tool ended with an error; the text is what it said."""


def missing(*programs: str) -> str:
    """What to install of `programs`; empty where all are here."""
    absent = [program for program in programs if shutil.which(program) is None]
    return f"not found: {', '.join(absent)}" if absent else ""


def validator_jar() -> Path:
    """The validator as a program."""
    return _built("validator")


def peers_jar() -> Path:
    """The engines for HL7 v2 as programs."""
    return _built("v2peers")


def hapi_jar() -> Path:
    """HAPI's FHIR server as a program."""
    return _built("fhirservers/hapi")


def sekmet() -> Path:
    """sekmet-fhir, in an environment of its own: what it brings, a web server among it, would change ours."""
    requirements = HERE / "fhirservers" / "sekmet" / "requirements.txt"
    place = HERE.parents[1] / ".venv-sekmet"  # beside ours: below tests/ its files would be taken for tests
    program = place / "bin" / "sekmet"
    with _once("sekmet", [requirements]) as stale:
        if stale or not program.is_file():
            shutil.rmtree(place, ignore_errors=True)
            run([sys.executable, "-m", "venv", str(place)], HERE)
            run([str(place / "bin" / "pip"), "install", "--quiet", "--requirement", str(requirements)], HERE)
    return program


def _built(name: str) -> Path:
    """The program of a folder here, built with Maven where its sources are not those of the last build."""
    module = HERE / name
    sources = [module / "pom.xml", *sorted((module / "src").rglob("*.java"))]
    jar = module / "target" / f"{module.name}.jar"
    with _once(module.name, sources) as stale:
        if stale or not jar.is_file():
            run(["mvn", "--batch-mode", "--quiet", "package"], module)
    return jar


def sushi() -> Path:
    """SUSHI, installed with npm as its lock file says."""
    return _installed("sushi", ".bin/sushi")


def node_peer() -> str:
    """The version of node-hl7-server, installed with npm as its lock file says."""
    manifest = _installed("v2node", "node-hl7-server/package.json")
    found: str = json.loads(manifest.read_text(encoding="utf-8"))["version"]
    return found


def oidc_provider() -> None:
    """oidc-provider, installed with npm as its lock file says."""
    _installed("oidc", "oidc-provider/package.json")


def _installed(name: str, file: str) -> Path:
    """A file below `node_modules` of a folder here, installed with npm where the lock file is new."""
    module = HERE / name
    path = module / "node_modules" / file
    with _once(name, [module / "package-lock.json"]) as stale:
        if stale or not path.exists():
            run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], module)
    return path


def own_client_in_java(document: bytes) -> list[str]:
    """The command of the example client in Java, generated from our OpenAPI document and built with Maven."""
    module = OWN_CLIENTS / "java"
    jar = module / "target" / "own-client.jar"
    with _once("own-client-java", [module / "pom.xml", *_described(module, document)]) as stale:
        if stale or not jar.is_file():
            run(["mvn", "--batch-mode", "--quiet", "package"], module)
    return ["java", *JAVA_OPTIONS, "-Dfile.encoding=UTF-8", "-jar", str(jar)]


def own_client_in_typescript(document: bytes) -> list[str]:
    """The command of the example client in TypeScript, generated from our OpenAPI document and compiled with tsc."""
    module = OWN_CLIENTS / "typescript"
    program = module / "built" / "main.js"
    named = [module / name for name in ("package.json", "package-lock.json", "tsconfig.json")]
    with _once("own-client-typescript", [*named, *_described(module, document)]) as stale:
        if stale or not program.is_file():
            run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], module)
            run(["npm", "run", "--silent", "build"], module)
    return ["node", str(program)]


def _described(module: Path, document: bytes) -> list[Path]:
    """Puts the OpenAPI document where the build looks for it. Returns it with all sources."""
    file = module / "own.json"
    if not file.is_file() or file.read_bytes() != document:
        fresh = file.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(document)
        fresh.replace(file)
    return [file, *sorted(path for path in (module / "src").rglob("*") if path.is_file())]


def fhir_home(empty: tuple[str, ...]) -> Path:
    """A home directory with the FHIR packages that SUSHI asks for: R4 from the validator's jar, and `empty` ones."""
    jar = validator_jar()
    home = BUILD / "home"
    packages = home / ".fhir" / "packages"
    with _once("packages", [jar, Path(__file__)]) as stale:
        if stale or not packages.is_dir():
            shutil.rmtree(home, ignore_errors=True)
            core = packages / "hl7.fhir.r4.core#4.0.1" / "package"
            run(java(jar, "org.ipfhir.conformance.CorePackage", str(core)), HERE)
            for name in empty:
                place = packages / f"{name}#0.0.0" / "package"
                place.mkdir(parents=True)
                manifest = f'{{"name": "{name}", "version": "0.0.0", "fhirVersions": ["4.0.1"]}}'
                (place / "package.json").write_text(manifest, encoding="utf-8")
    return home


def java(jar: Path, main: str, *arguments: str) -> list[str]:
    """The command that runs one of the programs in the jar."""
    return ["java", *JAVA_OPTIONS, "-cp", str(jar), main, *arguments]


def run(command: list[str], where: Path, **environment: str) -> str:
    """Run a tool to its end and give what it printed. Raises `ToolFailed`."""
    ran = subprocess.run(
        command, cwd=where, env={**os.environ, **environment}, check=False, capture_output=True, text=True
    )
    if ran.returncode:
        message = f"{' '.join(command[:3])} ... ended with {ran.returncode}:\n{(ran.stdout + ran.stderr)[-4000:]}"
        raise ToolFailed(message)
    return ran.stdout


@contextmanager
def _once(name: str, sources: list[Path]) -> Iterator[bool]:
    """Whether `name` must be made again; remembers, once that has gone well, what it was made from."""
    BUILD.mkdir(exist_ok=True)
    stamp = BUILD / f"{name}.sha256"
    with (BUILD / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test runs side by side share one checkout
        digest = hashlib.sha256()
        for source in sources:
            digest.update(f"{source.name}\0".encode() + source.read_bytes())
        stale = not stamp.is_file() or stamp.read_text(encoding="utf-8") != digest.hexdigest()
        yield stale
        stamp.write_text(digest.hexdigest(), encoding="utf-8")
