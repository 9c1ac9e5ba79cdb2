// The two forms, as they are filled in. What a form must hold to be complete is the domain's rule (a green form that
// lacks something is kept, and sent back with what it lacks), so no item is required and none is hidden.
// Texts are Norwegian, as they are shown to people; the English is a translation of each.

RuleSet: Ask(path, link, type, norwegian, english)
* {path}.linkId = "{link}"
* {path}.type = #{type}
* {path}.text = "{norwegian}"
* {path}.text.extension[0].url = "http://hl7.org/fhir/StructureDefinition/translation"
* {path}.text.extension[0].extension[0].url = "lang"
* {path}.text.extension[0].extension[0].valueCode = #en
* {path}.text.extension[0].extension[1].url = "content"
* {path}.text.extension[0].extension[1].valueString = "{english}"

RuleSet: Form(name, slug, subject)
* name = "{name}"
* url = "@base/Questionnaire/{slug}"
* version = "@version"
* status = #active
* experimental = false
* date = "@date"
* publisher = "ip_fhir"
* subjectType = #{subject}
* language = #nb

Instance: green-form
InstanceOf: Questionnaire
Usage: #definition
Title: "Green form"
Description: "The municipality's answer to a notice"
* insert Form(GreenForm, green-form, Patient)
* title = "Tilbakemelding om individuell plan og koordinator (grønt skjema)"
* description = "The coordinating unit's answer to a notice: who the coordinator is, or why there is none."
* item[+]
* insert Ask(item[=], decision, choice, Hva er bestemt?, What is decided?)
* item[=].answerValueSet = Canonical(FormDecision)
* item[+]
* insert Ask(item[=], coordinator, group, Koordinator, Coordinator)
* item[=].repeats = true
* item[=].item[+]
* insert Ask(item[=].item[=], coordinator-kind, choice, Slags koordinator, Kind of coordinator)
* item[=].item[=].answerValueSet = Canonical(CoordinatorKind)
* item[=].item[+]
* insert Ask(item[=].item[=], coordinator-holder, reference, Hvem er koordinator?, Who is the coordinator?)
* item[=].item[+]
* insert Ask(item[=].item[=], coordinator-from, date, Fra og med, From)
* item[=].item[+]
* insert Ask(item[=].item[=], coordinator-until, date, Til og med, Until)
* item[=].item[+]
* insert Ask(item[=].item[=], coordinator-appointed-by, reference, Oppnevnt av, Appointed by)
* item[=].item[+]
* insert Ask(item[=].item[=], coordinator-mentor, reference, Fadder, Mentor)
* item[=].item[+]
* insert Ask(item[=].item[=], wish-honoured, boolean, Er ønsket om koordinator fulgt?, Is the person's wish followed?)
* item[=].item[+]
* insert Ask(item[=].item[=], wish-reason, text, Hvis ikke - hvorfor?, If not - why?)
* item[+]
* insert Ask(item[=], plan-state, choice, Individuell plan, Individual plan)
* item[=].answerValueSet = Canonical(PlanState)
* item[+]
* insert Ask(item[=], plan-starts, date, Arbeidet med planen starter, Work on the plan starts)
* item[+]
* insert Ask(item[=], declined, choice, Hva har personen takket nei til?, What has the person declined?)
* item[=].answerValueSet = Canonical(Declined)
* item[+]
* insert Ask(item[=], declined-on, date, Når?, When?)
* item[+]
* insert Ask(item[=], rejection, group, Avslag, Rejection)
* item[=].item[+]
* insert Ask(item[=].item[=], rejection-reason, choice, Grunn, Reason)
* item[=].item[=].answerValueSet = Canonical(RejectionReason)
* item[=].item[+]
* insert Ask(item[=].item[=], rejection-text, text, Begrunnelse, The reason in words)
* item[=].item[+]
* insert Ask(item[=].item[=], rejection-legal-basis, choice, Hjemmel, Legal basis)
* item[=].item[=].answerValueSet = Canonical(LegalBasis)
* item[=].item[+]
* insert Ask(item[=].item[=], complaint-told, boolean, Er personen gjort kjent med retten til å klage?, Has the person been told of the right to complain?)
* item[=].item[+]
* insert Ask(item[=].item[=], complaint-to, text, Hvem klagen sendes til, Where a complaint is sent)
* item[+]
* insert Ask(item[=], forwarded-to, reference, Sendt videre til, Forwarded to)
* item[+]
* insert Ask(item[=], note, text, Merknad, Note)

Instance: notice
InstanceOf: Questionnaire
Usage: #definition
Title: "Notice of need"
Description: "The notice as a form, for systems that fill in a form rather than write a ServiceRequest"
* insert Form(Notice, notice, Patient)
* title = "Melding om behov for individuell plan eller koordinator"
* description = "Tells a coordinating unit that somebody needs an individual plan or a coordinator."
* item[+]
* insert Ask(item[=], notice-kind, choice, Hva er det behov for?, What is needed?)
* item[=].answerValueSet = Canonical(NoticeKind)
* item[+]
* insert Ask(item[=], recipient, reference, Koordinerende enhet som meldes til, The coordinating unit it is sent to)
* item[+]
* insert Ask(item[=], author, reference, Melder, Who writes the notice)
* item[+]
* insert Ask(item[=], urgency, choice, Hvor mye haster det?, How urgent is it?)
* item[=].answerValueSet = Canonical(Urgency)
* item[+]
* insert Ask(item[=], legal-basis, choice, Hjemmel, Legal basis)
* item[=].answerValueSet = Canonical(LegalBasis)
* item[=].repeats = true
* item[+]
* insert Ask(item[=], need, group, Behov for tjenester, Need for services)
* item[=].repeats = true
* item[=].item[+]
* insert Ask(item[=].item[=], need-text, text, Hva, What)
* item[=].item[+]
* insert Ask(item[=].item[=], need-area, choice, Livsområde, Life area)
* item[=].item[=].answerValueSet = Canonical(LifeArea)
* item[+]
* insert Ask(item[=], reason, text, Hvorfor det meldes, Why the notice is sent)
* item[+]
* insert Ask(item[=], wished-coordinator, text, Ønsket koordinator, Wished-for coordinator)
* item[+]
* insert Ask(item[=], discharge, date, Utskrivning, Discharge)
* item[+]
* insert Ask(item[=], attachment, attachment, Vedlegg, Attachment)
* item[=].repeats = true
