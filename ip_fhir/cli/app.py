"""All commands of `ip-fhir` as one application. A command imports its heavy packages only when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from ip_fhir.cli.commands import demo, mock
from ip_fhir.cli.commands.loop import act, agreement, consent, drafts, exchange, outbox, referrals, told, worklist
from ip_fhir.cli.commands.mapping import check, mappings
from ip_fhir.cli.commands.mapping import map as map_
from ip_fhir.cli.commands.operation import db, doctor, evidence, hl7, init, openapi, reads, restore, support_bundle
from ip_fhir.cli.commands.plans import access_log, changes, invitations, plans, preview, shares, versions
from ip_fhir.cli.exits import EXIT_CODES

_EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code:<4}{meaning}" for code, meaning in EXIT_CODES.items())

app = typer.Typer(
    help="Individual plans to FHIR and back, and the green form loop between hospital and municipality.",
    epilog=_EPILOG,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        from ip_fhir import __version__

        typer.echo(f"ip-fhir {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - the callback does it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Individual plans to FHIR and back, and the green form loop between hospital and municipality."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


app.command("demo")(demo.demo)
app.command("mock")(mock.mock)
app.command("init")(init.init)
app.command("map")(map_.map_)
app.command("put")(map_.put)
app.command("check")(check.check)
app.command("schema")(map_.schema)
app.command("serve")(exchange.serve)
app.command("openapi")(openapi.openapi)
app.command("work")(exchange.work)
app.command("act")(act.act)
app.command("remind")(exchange.remind)
app.command("verify")(evidence.verify)
app.command("adapters")(doctor.adapters)
app.command("doctor")(doctor.doctor)
app.command("support-bundle")(support_bundle.support_bundle)
db.app.command("restore")(restore.restore)
referrals.app.command("close")(act.close)
exchange.notices.command("new")(drafts.notice_new)
exchange.green_forms.command("new")(drafts.green_form_new)
plans.app.command("save")(versions.save)
plans.app.command("history")(versions.history)
plans.app.command("diff")(versions.diff)
plans.app.command("preview")(preview.preview)
plans.app.command("share")(shares.share)
plans.app.command("end")(shares.end)
plans.app.command("release")(shares.release)
plans.app.command("changes")(changes.changes)
plans.app.command("accept")(changes.accept)
plans.app.command("decline")(changes.decline)
plans.app.command("change")(changes.change)
plans.app.command("invite")(invitations.invite)
plans.app.command("answer-invitation")(invitations.answer_invitation)
plans.app.command("hand-over")(invitations.hand_over)
plans.app.command("answer-handover")(invitations.answer_handover)
plans.app.command("ask")(invitations.ask)
plans.app.command("access-log")(access_log.access_log)
plans.app.command("answer-request")(invitations.answer_request)
app.add_typer(exchange.notices, name="notice")
app.add_typer(exchange.green_forms, name="green-form")
app.add_typer(mappings.app, name="mappings")
app.add_typer(plans.app, name="plan")
app.add_typer(agreement.app, name="agreement")
app.add_typer(consent.app, name="consent")
app.add_typer(referrals.app, name="referrals")
app.add_typer(outbox.app, name="outbox")
app.add_typer(worklist.app, name="worklist")
app.add_typer(told.app, name="told")
app.add_typer(reads.app, name="reads")
app.add_typer(hl7.app, name="hl7")
app.add_typer(db.app, name="db")
app.add_typer(evidence.app, name="evidence")
