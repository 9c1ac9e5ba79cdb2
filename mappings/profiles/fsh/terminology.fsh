// Code systems whose codes stand in no code table: fixed parts of the mapping tables, and the loop's business states.
// Those of mappings/codes/*.csv, every value set and the naming systems are made from the tables by the build.

CodeSystem: PlanCategory
Id: plan-category
Title: "Plan category"
Description: "What kind of care plan or request this is."
* #individual-plan "Individual plan" "Individuell plan, or a notice that one or a coordinator is needed"

CodeSystem: PlanTag
Id: plan-tag
Title: "Tag of a plan"
Description: "What a CarePlan is, where it is no plan. Whoever reads plans must not take such a resource for one."
* #plan-view "View of a plan" "A plan as one participant may see it on a day: parts may be left out, also where none is"

CodeSystem: ContentDigest
Id: content-digest
Title: "Digest of content"
Description: "A tag of a resource that the library wrote to a FHIR server: SHA-256, in hexadecimal, of its content without id, meta, text and the names in references. Where it no longer fits, somebody else has changed the resource. No code is listed, since each content has its own."
* ^caseSensitive = true
* ^content = #not-present

CodeSystem: PlanPart
Id: plan-part
Title: "Part of the plan"
Description: "Which part of a plan a resource is."
* #need "Need for services" "A need for services (the regulation's letter a)"

CodeSystem: ReviewPart
Id: review-part
Title: "Part in a review"
Description: "Whose part in a follow-up or evaluation it is, beside HL7's participation types."
* #person "The person whose plan it is"

CodeSystem: TaskOutput
Id: task-output
Title: "Task output"
Description: "What a referral's task brings forth."
* #green-form "Green form" "The municipality's feedback form (tilbakemeldingsskjema)"

CodeSystem: BusinessStatusCodes
Id: business-status
Title: "Business status of a referral"
Description: "Where the loop from notice to green form stands; finer than Task.status."
* #sent "Sent"
* #undelivered "Undelivered: a person must look"
* #delivered "Delivered: stored by the receiver"
* #awaiting-information "Waits for information from the sender"
* #coordinator-pending "Accepted, no coordinator yet"
* #assessment "Assessment ordered"
* #form-incomplete "The form came and lacks what it must have"
* #coordinator-confirmed "Coordinator confirmed"
* #coordinator-vacant "The coordinator has left, none is named"
* #rejected "Rejected"
* #forwarded "Forwarded to another coordinating unit"
* #cancellation-requested "Asked to stop"
* #cancelled "Cancelled"
* #consent-withdrawn "Consent withdrawn"
* #closed "Closed"

ValueSet: BusinessStatus
Id: business-status
Title: "Business status of a referral"
Description: "Where the loop from notice to green form stands."
* include codes from system BusinessStatusCodes

ValueSet: TeamOrCoordinatorRole
Id: team-or-coordinator-role
Title: "Roles in a care team"
Description: "What a participant of a care team is: a member in a role, or a coordinator."
* include codes from valueset TeamRole
* include codes from valueset CoordinatorKind

CodeSystem: LoopEventCodes
Id: loop-event
Title: "Event of the loop"
Description: "What happened to a referral, in the evidence that is exported."
* #send "Sent"
* #receipt-ok "Receipt: stored"
* #receipt-error "Receipt: refused for good"
* #receive "Stored by the municipality"
* #accept "Accepted"
* #assess "Assessment ordered"
* #ask-information "Information asked for"
* #give-information "Information given"
* #answer "Green form came"
* #coordinator-left "Coordinator left"
* #cancel "Cancelled"
* #ask-abort "Asked to stop"
* #agree-abort "Agreed to stop"
* #refuse-abort "Refused to stop"
* #withdraw-consent "Consent withdrawn"
* #close "Closed"
* #remind "Reminded"
* #forward "Forwarded"
* #escalate "Escalated"
* #report-incomplete "Told what the form lacks"
* #time "A timer was due"
* #release "Released although protected"

CodeSystem: ProvisionDirectionCodes
Id: provision-direction
Title: "Direction of a provision"
Description: "What a provision of a consent in FHIR R5 is to the consent's decision."
* #as-decision "As the decision" "Says the same as the decision, for somebody or some area"
* #exception "Exception" "Says the opposite: what a provision is where nothing else is said"

ValueSet: ProvisionDirection
Id: provision-direction
Title: "Direction of a provision"
Description: "What a provision of a consent in FHIR R5 is to the consent's decision."
* include codes from system ProvisionDirectionCodes

// --- identifier systems -----------------------------------------------------------------------------

RuleSet: Names(slug, uri, description)
* name = "{slug}"
* status = #active
* kind = #identifier
* date = "@date"
* publisher = "ip_fhir"
* description = "{description}"
* uniqueId[0].type = #uri
* uniqueId[0].value = "{uri}"
* uniqueId[0].preferred = true

Instance: id-referral
InstanceOf: NamingSystem
Usage: #definition
* insert Names(referral, @id-referral, The correlation id of one loop: the same on every wire)

Instance: id-plan
InstanceOf: NamingSystem
Usage: #definition
* insert Names(plan, @id-plan, Individual plans)

Instance: id-need
InstanceOf: NamingSystem
Usage: #definition
* insert Names(need, @id-need, Needs for services in individual plans)

Instance: id-goal
InstanceOf: NamingSystem
Usage: #definition
* insert Names(goal, @id-goal, Goals of individual plans)

Instance: id-team
InstanceOf: NamingSystem
Usage: #definition
* insert Names(team, @id-team, Teams of individual plans)

Instance: id-consent
InstanceOf: NamingSystem
Usage: #definition
* insert Names(consent, @id-consent, Consents to individual plans and to sharing them)

Instance: id-review
InstanceOf: NamingSystem
Usage: #definition
* insert Names(review, @id-review, Follow-ups and evaluations of individual plans)

Instance: id-green-form
InstanceOf: NamingSystem
Usage: #definition
* insert Names(green-form, @id-green-form, Green forms)

Instance: id-organization
InstanceOf: NamingSystem
Usage: #definition
* insert Names(organization, @id-organization, Organisations that a message names and does not hold)

Instance: id-message
InstanceOf: NamingSystem
Usage: #definition
* insert Names(message, @id-message, Messages between two parties)
