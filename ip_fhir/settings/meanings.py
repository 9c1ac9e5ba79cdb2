"""The meaning of each setting in words: for the documents, and for the settings file that `ip-fhir init` writes."""

from __future__ import annotations

from typing import Final

MEANINGS: Final = {
    "role": "our role in the green form loop: `hospital` or `municipality`; none where we take part in plans only",
    "organization": "who we are: `id`, `name`, `kind`, and our numbers: `her_id`, `organization_number`, `resh_id`; "
    "one must be ours alone, or nobody can send to us",
    "units": "our departments; their numbers are ours, too",
    "unit_list": "`open`: a number that nobody here has is kept and shown, and tells nothing; `closed`: refused "
    '(`units = "closed"` says the same where we have no departments)',
    "database": "SQLAlchemy URL: `sqlite:///file`, `postgresql://user@host/name`; the file is relative to the "
    "settings file, and `serve`, `work` and `db upgrade` create it",
    "http.host": "address where we listen",
    "http.port": "port where we listen; 0 takes a free one",
    "http.base_url": "address by which others know us; it goes into receipts. Without it: `http://host:port`",
    "http.metrics_token": "token that a program shows to read /metrics; without it only a program on this machine may",
    "http.issuer.issuer": "address (`iss`) of the authorisation server whose tokens our clients may show: JWT with "
    "scopes in SMART's form",
    "http.issuer.audience": "`aud` that its tokens for us have",
    "http.issuer.jwks_url": "address of its public keys; without it, it is asked where they are",
    "http.issuer.dpop": "`accepted`: a token that is bound to a key needs its proof; `required`: no other is taken",
    "http.tls.certificate": "our certificate, with those above it, in PEM: the endpoint speaks TLS itself. The files "
    "are read again when they are replaced",
    "http.tls.key": "its key, without a password; without it, it is in the same file",
    "http.tls.trusted": "authorities whose certificates clients may show",
    "http.tls.clients": "`asked`: a client may show a certificate; `required`: nobody else gets in",
    "http.rate.per_second": "requests a second of one client, by each process; 0: no limit. A program on this "
    "machine that asks directly is not limited",
    "http.rate.burst": "requests of one client at once after a pause; each entry of a batch counts as one",
    "http.proxies": "addresses or networks of the proxies in front, whose `X-Forwarded-For` is believed",
    "http.inner_hooks": "addresses or networks of our own network, this machine too, that clients may have notified "
    "by a Subscription; without it only public ones",
    "http.header_seconds": "seconds from the first byte of a request to the end of its headers",
    "http.body_seconds": "seconds for the body of a request",
    "http.idle_seconds": "seconds that a connection may wait between two requests; longer than the proxy's",
    "http.connections": "connections in all; fewer where the process may not open so many files",
    "http.connections_per_client": "connections of one client's address; not for a proxy",
    "http.bytes_in_flight": "bytes of all bodies that are read or worked on at a time; one party gets half of them",
    "own.host": "address where programs of our own ask for all that a Python program can do; without `own` nowhere",
    "own.port": "port where they ask; 0 takes a free one",
    "own.socket": "socket file instead, which only our own user can open; no token is needed there",
    "own.other_machines": "true allows an address that other machines reach; then with `own.tls` or a proxy",
    "own.tls.certificate": "our certificate there, with those above it, in PEM",
    "own.tls.key": "its key, without a password; without it, it is in the same file",
    "own.tls.trusted": "authorities whose certificates programs may show",
    "own.tls.clients": "`asked`: a program may show a certificate; `required`: nobody else gets in",
    "own.proxies": "addresses or networks of the proxies in front, whose `X-Forwarded-For` is believed",
    "own.programs.name": "the program's name: its idempotency keys are its own",
    "own.programs.token": "token that it shows; 16 characters or more, and no peer's",
    "peers.name": "the party's name, in stored loops, logs and commands: keep it, and give it to nobody else",
    "peers.organization": "who the other party is; as `organization`. Its numbers alone tell, never `id` or `name`",
    "peers.units": "its departments; their numbers are the party's, too",
    "peers.adapter": "adapter that sends to it; `ip-fhir adapters` lists those installed",
    "peers.url": "address that we send to; https, but for this machine",
    "peers.token": "token that we show",
    "peers.accepts": "tokens that it may show; two while one is being changed",
    "peers.clients": "its names (`client_id`) at the authorisation server `http.issuer`",
    "peers.certificates": "names in its certificates: `sha256:<hex>`, `dns:<name>`, `subject:<attribute>=<value>`. "
    "With one of them it is let in without a token, and without one of them no token of its counts",
    "peers.passes_on": "names of the peers whose notices it may bring; only of a coordinating unit or municipality",
    "peers.by_person": "true where their system keeps its people apart: a plan is shared with each who takes part",
    "peers.absent": "a part that a change of theirs does not have is `unchanged`, or `removed` if their system always "
    "sends all it has",
    "peers.readers": "names of the other peers that read the server at `url`: a share through it has what all of them "
    "may see; `[]`: nobody but this peer reads it. Where the adapter writes to a server (`fhirserver`), no plan is "
    "shared with the peer until it is set. `doctor --server` asks for it",
    "peers.plain_http": "true allows http to another machine, where a tunnel encrypts",
    "peers.traceparent": "true: what we ask over HTTP tells it which trace of ours it belongs to (W3C `traceparent`), "
    "where OpenTelemetry is installed",
    "peers.timeout": "seconds for the whole exchange: connect, send, and every byte of the answer",
    "peers.options": "options of the adapter; as a listener's, each may be `{ env = ... }`, `{ file = ... }` or "
    "`{ path = ... }`",
    "peers.auth.client_id": "our name with its authorisation server, whose tokens we show instead of `token`",
    "peers.auth.key": "private key by which the server knows us, in PEM or JWK: `{ file = ... }`, read again when it "
    "is replaced, or `{ env = ... }`. Of P-384 (ES384), P-256 (ES256) or RSA (RS384)",
    "peers.auth.key_id": "`kid` of the key; without it that of the JWK, else the thumbprint",
    "peers.auth.scope": "scopes that we ask for, in the form of SMART",
    "peers.auth.token_url": "address of the authorisation server's token endpoint; without it the server's "
    "`.well-known/smart-configuration` is asked",
    "peers.auth.dpop": "true: each request proves that we hold the key of our token (DPoP)",
    "peers.hl7v2.version": "version of HL7 v2 that is written to it: `2.3.1` to `2.8`; every version is read",
    "peers.hl7v2.charset": "character set that is written to it, and of its messages without MSH-18: `UNICODE UTF-8`, "
    "`ASCII`, `8859/1` to `8859/15`. Without it: UTF-8 is written, and ASCII or UTF-8 is read",
    "peers.hl7v2.zone": "time zone of its times without an offset, where MSH-7 has none either",
    "peers.hl7v2.ack_mode": "acknowledgements that we ask for (MSH-15/MSH-16): `AL/NE`, `AL/AL`, or `original`: both "
    "empty",
    "peers.hl7v2.receipt": "reply to its messages in the original mode: `ACK`, or `RRI`: the business answer, where "
    "there is one at once, else that the referral is here (RF1-1 P)",
    "peers.hl7v2.application_error": "meaning of an error (AE, CE) of its that does not say if trying again helps: "
    "`retry` or `reject`",
    "peers.hl7v2.display_segment": "true: an OBX|ED with the message as HTML goes along, as Australian systems show it",
    "peers.hl7v2.note": "true: the reason stands again as NTE at the end, for a system that shows no rows of OBX",
    "peers.hl7v2.msa_in_answers": "true where it joins an answer to its message by MSA-2: an RRI that is sent later "
    "has MSA with AA; without it none has, as some systems take each message with MSA for an acknowledgement",
    "peers.hl7v2.bundle": "true where it runs this library: the FHIR message Bundle goes along and is what is read",
    "peers.hl7v2.notice_kind": "need that a referral of its is about which does not say it: `coordinator`, `plan`, "
    "`plan-and-coordinator` or `child-coordinator`; without it such a referral is refused",
    "peers.hl7v2.absent": "`removed` where its changes of a plan always have all that is left: what one lacks, empties "
    "or deletes was taken out; as `peers.absent`, which holds here too",
    "carriers.name": "name of a system that brings the messages of several parties: an engine, a host municipality",
    "carriers.accepts": "tokens that it may show",
    "carriers.clients": "its names at the authorisation server `http.issuer`",
    "carriers.certificates": "names in its certificates, as `peers.certificates`",
    "carriers.parties": "names of the peers that it may speak for; a message must tell which by a number of its own",
    "listeners.speaks_for": "name of the peer or carrier whose messages it brings, or a list of names; without it: the "
    "option `peer`, the names in the option `peers`, or the only one",
    "listeners.use": "plug-in that waits or polls, run by `serve` and `work`; the table's other keys are its options",
    "agreements": "deadlines and ladder with each party: here, or the path of a file of their own",
    "limits.max_bytes": "bytes of a body",
    "limits.max_depth": "levels of nesting",
    "limits.max_parts": "objects and lists in a body",
    "limits.max_skew": "seconds that a message may be dated ahead of our clock",
    "limits.max_age": "days that a message may be old",
    "limits.max_refusals": "messages of one peer that were not taken in and are recorded; further ones are counted",
    "evidence.heads": "directory for the signed heads of the chain of evidence; none are written without it",
    "evidence.key": "private key that signs them, in PEM (Ed25519, or EC with P-256): `{ file = ... }`",
    "evidence.every_minutes": "minutes between two of them",
    "evidence.reads_years": "years for which it can be told who has read something: `db purge` keeps the log so long",
    "worker.rest": "seconds between two runs when nothing is due",
    "worker.lease": "seconds that a claim holds; at least twice the longest `timeout` of a peer",
    "worker.batch": "rows that a claim takes",
    "worker.parallel": "rows sent at a time in all, without those whose peer takes long; 1: one after another",
    "worker.per_peer": "rows sent at a time to one peer",
    "worker.grace": "seconds in which the process ends after SIGTERM, whatever peers do",
    "worker.retry.first": "seconds before the second attempt; doubled after each",
    "worker.retry.cap": "longest wait between attempts, in seconds",
    "worker.retry.attempts": "attempts before a row is parked",
    "clock.file": "file with the simulated time; for tests and the demonstration only",
    "tell.command": "program and arguments that tell our people; the item comes as JSON on its standard input. "
    "Without it: a line in the log",
    "tell.timeout": "seconds that it has to end",
    "told.name": "name of these recipients, which stays the same, and is no peer's",
    "told.way": "`command`, `e-mail` or `webhook`; see [told.md](told.md)",
    "told.reasons": "reasons of which they are told, as [events.md](events.md) has them; none named: all",
    "told.recipients": "e-mail addresses; each gets e-mails of its own",
    "told.url": "address that events are posted to; https, but for this machine",
    "told.keys": "keys that events are signed with: `whsec_` and 24 to 64 bytes in Base64, each `{ env = ... }` or "
    "`{ file = ... }`; two while one is being replaced",
    "told.command": "program and arguments, as `tell.command`",
    "told.timeout": "seconds for one webhook, or one run of the command",
    "told.quiet_hours": '`"20:00-07:00"`: between these times, in Norway, they are told nothing; it comes after that',
    "told.working_days_only": "true: nothing on weekends, public holidays, and the closed days of the agreement "
    "without parties",
    "told.digest_at": '`"07:30"`: one e-mail a day, at this time in Norway, with all that came',
    "told.language": "language of their e-mails: `nb` or `en`; without it `language`",
    "smtp.host": "mail server by which our people are told; its certificate must be for this name",
    "smtp.port": "its port; without it 587 (`starttls`), 465 (`tls`), 25 (`plain`)",
    "smtp.security": "`starttls`, `tls` from the first byte, or `plain`: only to this machine",
    "smtp.sender": "e-mail address that we send from",
    "smtp.user": "name to log in with",
    "smtp.password": "its password; it belongs in `{ env = ... }` or `{ file = ... }`",
    "smtp.trusted": "file with the authorities that its certificate may be of, in PEM; without it those of the machine",
    "smtp.timeout": "seconds for one e-mail in all",
    "log.format": "lines of `serve` and `work` as `text` or `json`; also `--log-format`",
    "log.level": "lowest level of our own lines: `debug`, `info`, `warning`, `error`; also `--log-level`",
    "mappings.overlay": "the site's own rows and codes, a TOML file",
    "language": "language of what is shown to people: `nb` or `en`",
}
"""Every setting by its dotted name. `agreements` stands for the fields of an agreement, which have their own words."""
