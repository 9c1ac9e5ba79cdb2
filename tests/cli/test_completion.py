"""Tab in a shell: commands, options and the names of peers, asked of the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Sides
from tests.support.gate import require

_BASH = """
eval "$(_IP_FHIR_COMPLETE=source_bash ip-fhir)"
complete -p ip-fhir >/dev/null || exit 9
function=$(complete -p ip-fhir | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"$function" ip-fhir
printf '%s\\n' "${COMPREPLY[@]}"
"""
_FISH = "_IP_FHIR_COMPLETE=source_fish ip-fhir | source; complete -C $argv[1]"


def run(*command: str, **environment: str) -> list[str]:
    """The lines that a shell wrote; `ip-fhir` is ours there, and nothing is said on stderr."""
    variables = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **environment}
    variables.pop("IP_FHIR_CONFIG", None) if "IP_FHIR_CONFIG" not in environment else None
    ran = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.split("\n")[:-1]


def bash(*words: str, **environment: str) -> list[str]:
    """What bash offers after Tab at the end of these words."""
    shell = shutil.which("bash")
    require(shell, "no bash")
    return run(str(shell), "--norc", "--noprofile", "-c", _BASH, "bash", *words, **environment)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("ip-fhir", "refe"), ["referrals"]),
        (("ip-fhir", "outbox", "re"), ["release", "retry", "refusals"]),
        (("ip-fhir", "db", "purge", "--ol"), ["--older-than"]),
        (("ip-fhir", "map", "plan.json", "--to", ""), ["fhir", "plan"]),
    ],
)
def test_bash_offers_commands_options_and_choices(words: tuple[str, ...], offered: list[str]) -> None:
    """Commands, those within commands, options, and the words of a closed list."""
    assert set(offered) <= set(bash(*words)), bash(*words)


def test_bash_offers_the_peers(sides: Sides) -> None:
    """After --peer the names in the settings that --config or the environment names; none from a broken file."""
    config = str(sides.hospital)
    asked = ("ip-fhir", "hl7", "send", "file", "--config", config, "--peer", "mun")
    assert bash(*asked) == ["municipality"]
    assert bash("ip-fhir", "doctor", "--peer", "", IP_FHIR_CONFIG=config) == ["municipality"]
    sides.hospital.write_text("peers = [", encoding="utf-8")
    assert bash(*asked) == [""]


def test_fish_offers_commands(sides: Sides) -> None:
    """Fish does, too, with what each is for."""
    shell = shutil.which("fish")
    require(shell, "no fish")
    offered = run(str(shell), "--no-config", "-c", _FISH, "ip-fhir refe", HOME=str(sides.hospital.parent))
    assert [line.split("\t")[0] for line in offered] == ["referrals"]


def test_zsh_reads_the_script(tmp_path: Path) -> None:
    """Zsh takes the script without a complaint, and the words that it asks for are those of its form."""
    shell = shutil.which("zsh")
    require(shell, "no zsh")
    script = tmp_path / "_ip-fhir"
    script.write_text("\n".join(run("ip-fhir", _IP_FHIR_COMPLETE="source_zsh")), encoding="utf-8")
    assert run(str(shell), "-f", "-n", str(script)) == []
    offered = run("ip-fhir", _IP_FHIR_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="ip-fhir refe")
    assert '"referrals"' in " ".join(offered)
