"""The demonstration's output on the terminal, while it runs and at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.report.words.codes import day_words, listed, word
from ip_fhir.report.words.loop import coordinator_names, decision_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    from ip_fhir.demo.checks import Check
    from ip_fhir.demo.stories import Story
    from ip_fhir.report.history import Loop
    from ip_fhir.report.words.codes import Language
    from ip_fhir.report.words.loop import Line, Tone

_TONES: dict[Tone, str] = {"plain": "", "good": "green", "warn": "yellow", "bad": "red", "quiet": "dim"}
_SIDES: dict[str, str] = {Role.HOSPITAL: "cyan", Role.MUNICIPALITY: "magenta"}
_WIDE = 100  # where there is no terminal


class Screen:
    """The terminal; plain lines without a progress bar if there is none."""

    def __init__(self, language: Language, names: Sequence[str], console: Console | None = None) -> None:
        self.language = language
        self._words = _TEXTS[language]
        self._widest = max(map(len, names))
        self._sides = max(len(words) for key, words in self._words.items() if key.startswith("side-"))
        self._console = console or Console(highlight=False, markup=False, emoji=False)
        if not self._console.is_terminal:
            self._console.width = _WIDE
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task(self._words["starting"], total=None)
        self._last_day = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def opening(self, names: Sequence[str], urls: Sequence[str]) -> None:
        """Shows the two sides with their addresses."""
        self._console.print(Text(self._words["title"], style="bold"))
        self._console.print(Text(self._words["about"], style="dim"))
        for role, name, url in zip(_SIDES, names, urls, strict=True):
            self._console.print(Text.assemble("  ", (f"{name}", _SIDES[role]), (f"  {url}", "dim")))

    def period(self, days: int) -> None:
        """Sets the length of the progress bar, in working days."""
        self._progress.update(self._task, total=days)

    def time(self, now: datetime, day: int) -> None:
        """Shows the time and moves the bar to that working day."""
        words = day_words(now.astimezone(OSLO), self.language, weekday=True, year=True)
        self._progress.update(self._task, description=words, completed=day)

    def line(self, line: Line, name: str) -> None:
        """Shows a step of a loop."""
        self.step(line.at, line.role, name, line.text, line.tone)

    def step(self, at: datetime, side: str, name: str, text: str, tone: Tone) -> None:
        """Shows what a party did or got: when, which, about whom, and what."""
        local = at.astimezone(OSLO)
        day = day_words(local, self.language, weekday=True)
        shown = day if day != self._last_day else ""
        self._last_day = day
        grid = Table.grid(padding=(0, 1))
        for width in (12, 5, self._sides, self._widest):
            grid.add_column(width=width)
        grid.add_column(ratio=1)
        grid.expand = True
        words = Text(self.side(side), style=_SIDES.get(side, "green"))
        cells = (Text(shown, style="bold"), Text(f"{local:%H:%M}", style="dim"), words, Text(name, style="bold"))
        grid.add_row(*cells, Text(text, style=_TONES[tone]))
        self._console.print(grid)

    def side(self, name: str) -> str:
        """Returns a party in one word."""
        return self._words.get(f"side-{name}", name)

    def part(self, title: str) -> None:
        """Shows that another part of the demonstration begins."""
        self._console.print(Rule(Text(title, style="bold"), style="dim"))

    def died(self, name: str, code: int) -> None:
        """Tells that a process died and is started again."""
        side = self.side(name)
        text = self._words["died"].format(side=side[:1].lower() + side[1:], code=code)
        self._console.print(Text(text, style="bold red"))

    def closing(self, told: Sequence[tuple[Story, Loop | None]]) -> None:
        """Shows the ending of each loop."""
        self._console.print(Rule(Text(self._words["ended"], style="bold"), style="dim"))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in self._words["columns"].split("|"):
            table.add_column(heading, overflow="fold")
        for story, loop in told:
            table.add_row(*self._row(story, loop))
        self._console.print(table)

    def _row(self, story: Story, loop: Loop | None) -> tuple[Text, ...]:
        shows = Text(story.script.shows[self.language])
        if loop is None:
            return Text(story.name), shows, Text("-"), Text(""), Text("")
        referral = loop.hospital.referral
        form = referral.forms[-1].form if referral.forms else None
        names = coordinator_names(form) if form else []
        said = listed(names, self.language) or (decision_words(form, self.language) if form else "")
        closed = day_words(loop.closed.astimezone(OSLO), self.language) if loop.closed else ""
        return (
            Text(story.name, style="bold"),
            shows,
            Text(word(referral.state, self.language)),
            Text(said),
            Text(closed),
        )

    def checks(self, checks: Sequence[Check]) -> None:
        """Shows a line for each kind of check, and every failure."""
        for name in dict.fromkeys(check.name for check in checks):
            same = [check for check in checks if check.name == name]
            failed = [check for check in same if not check.ok]
            mark = ("✗ ", "bold red") if failed else ("✓ ", "green")
            self._console.print(Text.assemble(mark, f"{name} ({len(same) - len(failed)}/{len(same)})"))
            for check in failed:
                self._console.print(Text(f"    {check.subject}: {check.detail}", style="red"))

    def farewell(self, out: str, seconds: float, failed: int) -> None:
        """Shows the result, and the paths of everything that was written."""
        words = self._words["failed" if failed else "passed"].format(count=failed, seconds=seconds)
        self._console.print(Text(words, style="bold red" if failed else "bold green"))
        for line in self._words["look"].split("|"):
            self._console.print(Text(line.format(out=out), style="dim"), soft_wrap=True)


_TEXTS: dict[Language, dict[str, str]] = {
    "nb": {
        "title": "Seks meldinger, seks grønne skjemaer og én plan, mellom systemer som ikke ser hverandre",
        "about": "Hver side er en egen prosess med egen database. Tiden er simulert. Ingen av personene finnes.",
        "starting": "De to prosessene starter",
        "died": "Prosessen til {side} døde ({code}) og startes på nytt",
        "side-hospital": "Sykehuset",
        "side-municipality": "Kommunen",
        "side-school": "Skolen",
        "side-practice": "Fastlegen",
        "side-newtown": "Solvik",
        "side-lyngvik": "Lyngvik",
        "ended": "Slik gikk det",
        "columns": "Person|Viser|Endte som|Svaret|Lukket",
        "passed": "Alle sløyfer er lukket slik de skulle. Alle ser det de skal av planen. {seconds:.1f} sekunder.",
        "failed": "{count} ting er ikke som de skal. {seconds:.1f} sekunder.",
        "look": "Se på: {out}/summary.html   {out}/bundles/   {out}/events.jsonl"
        "|Spør videre: ip-fhir referrals list --config {out}/run/hospital.toml"
        "|             ip-fhir plan show plan-01 --config {out}/run/practice.toml",
    },
    "en": {
        "title": "Six notices, six green forms and one plan, between systems that do not see each other",
        "about": "Each side is a process with its own database. Time is simulated. None of the persons exists.",
        "starting": "The two processes start",
        "died": "The {side}'s process died ({code}) and is started again",
        "side-hospital": "Hospital",
        "side-municipality": "Municipality",
        "side-school": "School",
        "side-practice": "Practice",
        "side-newtown": "Solvik",
        "side-lyngvik": "Lyngvik",
        "ended": "How it ended",
        "columns": "Person|Shows|Ended as|The answer|Closed",
        "passed": "Every loop closed as it should. All see of the plan what they may. {seconds:.1f} seconds.",
        "failed": "{count} things are not as they should be. {seconds:.1f} seconds.",
        "look": "Look at: {out}/summary.html   {out}/bundles/   {out}/events.jsonl"
        "|Ask further: ip-fhir referrals list --config {out}/run/hospital.toml"
        "|             ip-fhir plan show plan-01 --config {out}/run/practice.toml",
    },
}
