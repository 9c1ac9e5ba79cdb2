// Extensions: what a plan, its team, its consents and its notices say and FHIR R4 has no element for.
// Each is named in mappings/fields/*.toml; a test proves that none is missing here, and none too many.

// --- the plan -------------------------------------------------------------------------------------

Extension: IpPlanVersion
Id: ip-plan-version
Title: "Plan version"
Description: "Which version of the plan this is, counted from 1. A plan is revised; older versions are kept."
Context: CarePlan
* value[x] 1..1
* value[x] only positiveInt

Extension: IpPlanUpdated
Id: ip-plan-updated
Title: "Plan updated"
Description: "When the plan was last changed by those who work on it; meta.lastUpdated is when a server stored it."
Context: CarePlan
* value[x] 1..1
* value[x] only dateTime

Extension: IpLegalBasis
Id: ip-legal-basis
Title: "Legal basis"
Description: "A section of Norwegian law that gives the right to the plan or coordinator, or the duty to tell of the need."
Context: CarePlan, ServiceRequest
* value[x] 1..1
* value[x] only Coding
* valueCoding from LegalBasis (required)

Extension: IpCoordinatingUnit
Id: ip-coordinating-unit
Title: "Coordinating unit"
Description: "The municipality's coordinating unit (koordinerende enhet, hol § 7-3), which answers for the plan."
Context: CarePlan
* value[x] 1..1
* value[x] only Reference(Organization or HealthcareService)

Extension: IpPersonalResource
Id: ip-personal-resource
Title: "Resource of the person"
Description: "What the person has to build on (the regulation's letter a)."
Context: CarePlan
* extension contains id 0..1 and text 1..1 and area 0..1
* extension[id].value[x] 1..1
* extension[id].value[x] only id
* extension[text].value[x] 1..1
* extension[text].value[x] only string
* extension[area].value[x] 1..1
* extension[area].value[x] only Coding
* extension[area].valueCoding from LifeArea (required)

Extension: IpContribution
Id: ip-contribution
Title: "Contribution"
Description: "What the person, the services or the relatives will contribute (the regulation's letter d)."
Context: CarePlan
* extension contains id 0..1 and by 1..1 and text 1..1 and actor 0..1
* extension[id].value[x] 1..1
* extension[id].value[x] only id
* extension[by].value[x] 1..1
* extension[by].value[x] only code
* extension[by].valueCode from Contributor (required)
* extension[text].value[x] 1..1
* extension[text].value[x] only string
* extension[actor].value[x] 1..1
* extension[actor].value[x] only Reference(Patient or RelatedPerson or PractitionerRole or Organization)

Extension: IpCooperation
Id: ip-cooperation
Title: "Cooperation"
Description: "Cooperation with others that is needed or wished for (the regulation's letter i)."
Context: CarePlan
* extension contains id 0..1 and with 1..1 and organization 0..1 and text 0..1
* extension[id].value[x] 1..1
* extension[id].value[x] only id
* extension[with].value[x] 1..1
* extension[with].value[x] only string
* extension[organization].value[x] 1..1
* extension[organization].value[x] only Reference(Organization)
* extension[text].value[x] 1..1
* extension[text].value[x] only string

RuleSet: Arrangement
* extension contains every-months 1..1 and how 0..1 and responsible 0..1
* extension[every-months].value[x] 1..1
* extension[every-months].value[x] only positiveInt
* extension[how].value[x] 1..1
* extension[how].value[x] only string
* extension[responsible].value[x] 1..1
* extension[responsible].value[x] only Reference(Patient or RelatedPerson or PractitionerRole or Organization)

Extension: IpFollowUp
Id: ip-follow-up
Title: "Follow-up"
Description: "How often and how the plan is followed up (the regulation's letter g: times for adjustment)."
Context: CarePlan
* insert Arrangement

Extension: IpEvaluation
Id: ip-evaluation
Title: "Evaluation"
Description: "How often and how the plan is evaluated over a longer time (the regulation's letter g: revision)."
Context: CarePlan
* insert Arrangement

// --- measures and goals; a measure is part of a CarePlan, in mappings/variants a ServiceRequest or Task ---

Extension: IpLifeArea
Id: ip-life-area
Title: "Life area"
Description: "The area of life that a measure belongs to."
Context: CarePlan.activity.detail, Task
* value[x] 1..1
* value[x] only CodeableConcept
* valueCodeableConcept from LifeArea (extensible)

Extension: IpExtent
Id: ip-extent
Title: "Extent"
Description: "How much and how often, in words (the regulation's letter e: the extent of a measure)."
Context: CarePlan.activity.detail, ServiceRequest, Task
* value[x] 1..1
* value[x] only string

Extension: IpResponsible
Id: ip-responsible
Title: "Responsible"
Description: "Of those who carry out a measure, the one who is responsible for it (the regulation's letter e)."
Context: CarePlan.activity.detail.performer, ServiceRequest.performer
* value[x] 1..1
* value[x] only boolean
* valueBoolean = true

Extension: IpGoalPartOf
Id: ip-goal-part-of
Title: "Part of goal"
Description: "The goal that this one is a sub-goal of (delmål)."
Context: Goal
* value[x] 1..1
* value[x] only Reference(Goal)

Extension: IpGoalTarget
Id: ip-goal-target
Title: "Target in words"
Description: "How one will see that the goal is reached, in words; Goal.target.detail needs a measure of its own."
Context: Goal.target
* value[x] 1..1
* value[x] only string

// --- the team -------------------------------------------------------------------------------------

Extension: IpTwoCoordinatorsReason
Id: ip-two-coordinators-reason
Title: "Why two coordinators"
Description: "Why, in a special case, two coordinators of one kind have their place at the same time."
Context: CareTeam
* value[x] 1..1
* value[x] only string

Extension: IpMembershipStatus
Id: ip-membership-status
Title: "Membership status"
Description: "Whether the member is proposed, has accepted, declined, left or come back. FHIR has no state of a participant."
Context: CareTeam.participant
* value[x] 1..1
* value[x] only code
* valueCode from MembershipStatus (required)

Extension: IpOnBehalfOf
Id: ip-on-behalf-of
Title: "On behalf of"
Description: "The organisation that a member stands for; CareTeam.participant.onBehalfOf is for a Practitioner alone (ctm-1)."
Context: CareTeam.participant
* value[x] 1..1
* value[x] only Reference(Organization)

Extension: IpMemberTask
Id: ip-member-task
Title: "Task of the member"
Description: "What the member does in the team, in words."
Context: CareTeam.participant
* value[x] 1..1
* value[x] only string

Extension: IpRoleText
Id: ip-role-text
Title: "Role in words"
Description: "The role of the member in the team in words, where no code says it."
Context: CareTeam.participant
* value[x] 1..1
* value[x] only string

Extension: IpAppointedBy
Id: ip-appointed-by
Title: "Appointed by"
Description: "The organisation that appointed the coordinator."
Context: CareTeam.participant
* value[x] 1..1
* value[x] only Reference(Organization)

Extension: IpMentor
Id: ip-mentor
Title: "Mentor"
Description: "Who guides the coordinator (fadder)."
Context: CareTeam.participant
* value[x] 1..1
* value[x] only Reference(PractitionerRole)

Extension: IpWishHonoured
Id: ip-wish-honoured
Title: "Wish honoured"
Description: "Whether the coordinator is the one whom the person wished for."
Context: CareTeam.participant
* value[x] 1..1
* value[x] only boolean

Extension: IpWishReason
Id: ip-wish-reason
Title: "Why the wish was not honoured"
Description: "Why the coordinator is not the one whom the person wished for."
Context: CareTeam.participant
* value[x] 1..1
* value[x] only string

// --- consent and mandate --------------------------------------------------------------------------

Extension: IpConsentForm
Id: ip-consent-form
Title: "Form of the consent"
Description: "Whether the consent was given in writing, by word of mouth or electronically."
Context: Consent
* value[x] 1..1
* value[x] only code
* valueCode from ConsentForm (required)

Extension: IpConsentWithdrawn
Id: ip-consent-withdrawn
Title: "Consent withdrawn"
Description: "The day from which the consent no longer holds because it was withdrawn."
Context: Consent
* value[x] 1..1
* value[x] only date

Extension: IpProvisionDirection
Id: ip-provision-direction
Title: "Direction of a provision"
Description: "Whether a provision is an exception to the consent's decision, or repeats it for somebody; in FHIR R5, where a provision has no type and is an exception unless something says otherwise."
Context: Consent.provision
* . ?!
* . ^isModifierReason = "A provision that repeats the decision permits where an exception denies."
* value[x] 1..1
* value[x] only code
* valueCode from ProvisionDirection (required)

Extension: IpProvisionKind
Id: ip-provision-kind
Title: "Kind of a provision"
Description: "The same as ip-provision-direction, for whoever reads the provision, and said of an exception too: in FHIR R5 an exception to all of the decision would else be empty. What counts is ip-provision-direction."
Context: Consent.provision
* value[x] 1..1
* value[x] only code
* valueCode from ProvisionDirection (required)

Extension: IpMandate
Id: ip-mandate
Title: "Mandate"
Description: "The right to act for the person: as parent, as guardian (verge), or by a written mandate (fullmakt, pbrl § 7-5)."
Context: RelatedPerson
* extension contains kind 1..1 and period 0..1 and scope 0..1 and document 0..1
* extension[kind].value[x] 1..1
* extension[kind].value[x] only code
* extension[kind].valueCode from MandateKind (required)
* extension[period].value[x] 1..1
* extension[period].value[x] only Period
* extension[scope].value[x] 1..1
* extension[scope].value[x] only string
* extension[document].value[x] 1..1
* extension[document].value[x] only Attachment

Extension: IpTitle
Id: ip-title
Title: "Title"
Description: "What the professional is called at work, in words, beside the coded profession."
Context: PractitionerRole
* value[x] 1..1
* value[x] only string

// --- notice and messages --------------------------------------------------------------------------

Extension: IpAuthor
Id: ip-author
Title: "Author of the notice"
Description: "The professional who wrote the notice; its requester is the organisation that sends it."
Context: ServiceRequest
* value[x] 1..1
* value[x] only Reference(PractitionerRole)

Extension: IpWishedCoordinator
Id: ip-wished-coordinator
Title: "Wished-for coordinator"
Description: "Whom the person wishes to have as coordinator, in words."
Context: ServiceRequest
* value[x] 1..1
* value[x] only string

Extension: IpDischarge
Id: ip-discharge
Title: "Discharge"
Description: "When the person leaves hospital, as far as is known."
Context: ServiceRequest
* value[x] 1..1
* value[x] only date

Extension: IpAttachment
Id: ip-attachment
Title: "Attachment"
Description: "A document sent with the notice."
Context: ServiceRequest
* value[x] 1..1
* value[x] only Attachment

Extension: IpCorrelation
Id: ip-correlation
Title: "Correlation id"
Description: "The one id of the whole loop, the same on every wire."
Context: MessageHeader
* value[x] 1..1
* value[x] only Identifier
* valueIdentifier.system 1..1
* valueIdentifier.system = "@id-referral"
* valueIdentifier.value 1..1

Extension: IpAnswers
Id: ip-answers
Title: "Answers"
Description: "The id of the message that this one answers: a business answer, which MessageHeader.response (a receipt) is not."
Context: MessageHeader
* value[x] 1..1
* value[x] only id

Extension: IpNumber
Id: ip-number
Title: "Number"
Description: "Which reminder or escalation this is, counted from 1."
Context: Communication
* value[x] 1..1
* value[x] only positiveInt

Extension: IpMissing
Id: ip-missing
Title: "Missing"
Description: "What the green form lacks; repeated, one for each item."
Context: Communication
* value[x] 1..1
* value[x] only code
* valueCode from Missing (required)

// --- sharing of the plan --------------------------------------------------------------------------

Extension: IpView
Id: ip-view
Title: "Terms of a view"
Description: "What a view of a plan says of itself: its share, its number, how much the agreement lets through, which life areas are open to the participant, and until which day it may be shown."
Context: CarePlan
* extension contains share 1..1 and number 1..1 and level 1..1 and opening 0..* and holds-until 0..1
* extension[share].value[x] 1..1
* extension[share].value[x] only id
* extension[number].value[x] 1..1
* extension[number].value[x] only positiveInt
* extension[level].value[x] 1..1
* extension[level].value[x] only code
* extension[level].valueCode from ContentLevel (required)
* extension[opening].extension contains area 0..1 and general 0..1 and since 0..1 and until 0..1
* extension[opening].extension[area].value[x] 1..1
* extension[opening].extension[area].value[x] only Coding
* extension[opening].extension[area].valueCoding from LifeArea (required)
* extension[opening].extension[general].value[x] 1..1
* extension[opening].extension[general].value[x] only boolean
* extension[opening].extension[since].value[x] 1..1
* extension[opening].extension[since].value[x] only date
* extension[opening].extension[until].value[x] 1..1
* extension[opening].extension[until].value[x] only date
* extension[holds-until].value[x] 1..1
* extension[holds-until].value[x] only date

Extension: IpEpoch
Id: ip-epoch
Title: "Epoch of the holder"
Description: "The number of the plan's holder, one higher with each handover: of two holders only the highest counts."
Context: MessageHeader
* value[x] 1..1
* value[x] only positiveInt

Extension: IpMessageText
Id: ip-message-text
Title: "Words to the receiver"
Description: "What a message about a plan says in words besides its content."
Context: MessageHeader
* value[x] 1..1
* value[x] only string
