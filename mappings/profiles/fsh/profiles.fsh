// Profiles of what the mapping writes. Norway has none for these resources. They are open: what another system put into
// a resource stays valid. Actors follow no-basis (HL7 Norway), which is named by canonical in the mappings below.

RuleSet: ByPattern(element, path)
* {element} ^slicing.discriminator.type = #pattern
* {element} ^slicing.discriminator.path = "{path}"
* {element} ^slicing.rules = #open

RuleSet: BySystem
* identifier ^slicing.discriminator.type = #value
* identifier ^slicing.discriminator.path = "system"
* identifier ^slicing.rules = #open

// --- the plan -------------------------------------------------------------------------------------

Profile: IpCarePlan
Parent: CarePlan
Id: ip-CarePlan
Title: "Individual plan"
Description: "An individual plan (individuell plan): the person's own plan for services from several agencies over time, with what the regulation's letters a) to i) ask for."
* extension contains
    IpPlanVersion named version 0..1 and
    IpPlanUpdated named updated 0..1 and
    IpLegalBasis named legalBasis 0..* and
    IpCoordinatingUnit named coordinatingUnit 0..1 and
    IpPersonalResource named resource 0..* and
    IpContribution named contribution 0..* and
    IpCooperation named cooperation 0..* and
    IpFollowUp named followUp 0..1 and
    IpEvaluation named evaluation 0..1
* status from PlanStatus (required)
* intent = #plan
* insert ByPattern(category, $this)
* category 1..*
* category contains individualPlan 1..1 and document 0..1
* category[individualPlan] = PlanCategory#individual-plan
* category[document] = $9602#A02-2
* subject only Reference(Patient)
* created 1..1
* author only Reference(Patient or RelatedPerson or PractitionerRole or Organization or Practitioner or Device or CareTeam)
* careTeam 0..1
* careTeam only Reference(CareTeam)
* goal only Reference(Goal)
* activity.detail.extension contains
    IpLifeArea named area 0..* and
    IpExtent named extent 0..1
* activity.detail obeys ip-plan-1
* activity.detail.performer.extension contains IpResponsible named responsible 0..1

Invariant: ip-plan-1
Description: "At most one of those who carry out a measure is responsible for it"
Severity: #error
Expression: "performer.where(extension.where(url = '@base/StructureDefinition/ip-responsible').exists()).count() <= 1"

Profile: IpPlanView
Parent: IpCarePlan
Id: ip-PlanView
Title: "View of an individual plan"
Description: "An individual plan as one participant may see it on a day. It is no plan: parts may be left out, and it must not replace the plan that it is a view of."
* meta.security 1..*
* insert ByPattern(meta.security, $this)
* meta.security contains redacted 1..1
* meta.security[redacted] = $observation-value#REDACTED
* meta.tag 1..*
* insert ByPattern(meta.tag, $this)
* meta.tag contains view 1..1
* meta.tag[view] = PlanTag#plan-view
* extension contains IpView named view 0..1

Profile: IpGoal
Parent: Goal
Id: ip-Goal
Title: "Goal of an individual plan"
Description: "A main goal or sub-goal, in the person's own words."
* extension contains IpGoalPartOf named partOf 0..1
* lifecycleStatus from GoalStatus (required)
* description.text 1..1
* subject only Reference(Patient)
* category from LifeArea (example)
* achievementStatus from Achievement (preferred)
* start[x] only date
* target.extension contains IpGoalTarget named words 0..1
* obeys ip-goal-1

Invariant: ip-goal-1
Description: "A goal is not a part of itself"
Severity: #error
Expression: "id.empty() or extension.where(url = '@base/StructureDefinition/ip-goal-part-of').value.reference.where($this = 'Goal/' + %resource.id).empty()"

// --- the team -------------------------------------------------------------------------------------

Profile: IpCareTeam
Parent: CareTeam
Id: ip-CareTeam
Title: "Care team of an individual plan"
Description: "Those who work on the plan (ansvarsgruppe) and who coordinates it; places have a role and a period, a coordinator's place may be vacant."
* extension contains IpTwoCoordinatorsReason named twoCoordinatorsReason 0..1
* status 1..1
* status from TeamStatus (required)
* subject 1..1
* subject only Reference(Patient)
* participant.extension contains
    IpMembershipStatus named status 0..1 and
    IpOnBehalfOf named onBehalfOf 0..1 and
    IpMemberTask named task 0..1 and
    IpAppointedBy named appointedBy 0..1 and
    IpMentor named mentor 0..1 and
    IpWishHonoured named wishHonoured 0..1 and
    IpWishReason named wishReason 0..1
* participant.role 1..*
* participant.role from TeamOrCoordinatorRole (example)
* participant obeys ip-team-1

Invariant: ip-team-1
Description: "Only a coordinator's place may be vacant"
Severity: #error
Expression: "member.exists() or role.coding.where((system = '@9034' and (code = '8' or code = '18')) or (system = '@cs-coordinator-kind' and code = 'child')).exists()"

// --- consent --------------------------------------------------------------------------------------

Profile: IpConsent
Parent: Consent
Id: ip-Consent
Title: "Consent to a plan, to sharing or to a notice"
Description: "What the person, or a representative, said yes or no to; who may see what, in which life areas, for how long."
* extension contains
    IpConsentForm named form 0..1 and
    IpConsentWithdrawn named withdrawn 0..1
* status from ConsentStatus (required)
* insert ByPattern(category, $this)
* category contains plan 0..1 and sharing 0..1 and notice 0..1
* category[plan] = ConsentKindCodes#plan
* category[sharing] = ConsentKindCodes#sharing
* category[notice] = ConsentKindCodes#notice
* patient 1..1
* dateTime 1..1
* policyRule 1..1
* policyRule from AccessPolicy (required)
* provision.provision.type 1..1
* obeys ip-consent-1 and ip-consent-2

Invariant: ip-consent-1
Description: "A consent is to a plan, to sharing or to a notice"
Severity: #error
Expression: "category.coding.where(system = '@cs-consent-kind').exists()"

Invariant: ip-consent-2
Description: "The day of withdrawal is there if, and only if, the consent is inactive"
Severity: #error
Expression: "(status = 'inactive') = extension.where(url = '@base/StructureDefinition/ip-consent-withdrawn').exists()"

// --- notice, task, green form ---------------------------------------------------------------------

Profile: IpNotice
Parent: ServiceRequest
Id: ip-Notice
Title: "Notice of need"
Description: "A notice (melding om behov) to a coordinating unit that somebody needs an individual plan or a coordinator; with it a loop begins that only a complete green form ends."
* extension contains
    IpAuthor named author 0..1 and
    IpLegalBasis named legalBasis 0..* and
    IpWishedCoordinator named wishedCoordinator 0..1 and
    IpDischarge named discharge 0..1 and
    IpAttachment named attachment 0..*
* insert BySystem
* identifier 1..*
* identifier contains correlation 1..1
* identifier[correlation].system = "@id-referral"
* identifier[correlation].value 1..1
* intent = #order
* insert ByPattern(category, $this)
* category 1..*
* category contains individualPlan 1..1
* category[individualPlan] = PlanCategory#individual-plan
* priority from Urgency (required)
* code 1..1
* code from NoticeKind (required)
* subject only Reference(Patient)
* authoredOn 1..1
* requester 1..1
* requester only Reference(Organization)
* performer 1..*

Profile: IpFeedbackTask
Parent: Task
Id: ip-FeedbackTask
Title: "Feedback task"
Description: "Where the loop stands: the coordinating unit is to answer a notice with a green form. A task that has ended is not opened again."
* insert BySystem
* identifier contains correlation 0..1
* identifier[correlation].system = "@id-referral"
* identifier[correlation].value 1..1
* intent = #order
* code 1..1
* code = http://hl7.org/fhir/CodeSystem/task-code#fulfill
* businessStatus from BusinessStatus (required)
* focus 1..1
* focus only Reference(ServiceRequest)
* authoredOn 1..1
* insert ByPattern(output, type)
* output contains greenForm 0..1
* output[greenForm].type = TaskOutput#green-form
* output[greenForm].value[x] only Reference(QuestionnaireResponse)

Profile: IpGreenForm
Parent: QuestionnaireResponse
Id: ip-GreenForm
Title: "Green form"
Description: "The municipality's answer to a notice (tilbakemeldingsskjema): who the coordinator is, or why there is none. An incomplete one is valid here, and keeps the loop open."
* questionnaire 1..1
* questionnaire = "@base/Questionnaire/green-form"
* basedOn 1..1
* basedOn.identifier 1..1
* basedOn.identifier.system 1..1
* basedOn.identifier.system = "@id-referral"
* basedOn.identifier.value 1..1
* authored 1..1
* author 1..1
* author only Reference(Organization)
* source only Reference(PractitionerRole)

// --- actors, by canonical -------------------------------------------------------------------------

Mapping: CarePlanActors
Source: IpCarePlan
Target: "http://hl7.no/fhir/StructureDefinition/no-basis-Patient"
Id: no-basis
Title: "Actors follow no-basis"
* subject -> "no-basis-Patient"

Mapping: GoalActors
Source: IpGoal
Target: "http://hl7.no/fhir/StructureDefinition/no-basis-Patient"
Id: no-basis
Title: "Actors follow no-basis"
* subject -> "no-basis-Patient"

Mapping: CareTeamActors
Source: IpCareTeam
Target: "http://hl7.no/fhir/StructureDefinition/no-basis-PractitionerRole"
Id: no-basis
Title: "Actors follow no-basis"
* subject -> "no-basis-Patient"
* participant.member -> "no-basis-PractitionerRole, no-basis-RelatedPerson, no-basis-Organization"

Mapping: ConsentActors
Source: IpConsent
Target: "http://hl7.no/fhir/StructureDefinition/no-basis-Patient"
Id: no-basis
Title: "Actors follow no-basis"
* patient -> "no-basis-Patient"

Mapping: NoticeActors
Source: IpNotice
Target: "http://hl7.no/fhir/StructureDefinition/no-basis-Organization"
Id: no-basis
Title: "Actors follow no-basis"
* subject -> "no-basis-Patient"
* requester -> "no-basis-Organization"
* performer -> "no-basis-Organization"
