package org.ipfhir.example;

import static org.ipfhir.example.Own.again;
import static org.ipfhir.example.Own.all;
import static org.ipfhir.example.Own.etag;
import static org.ipfhir.example.Own.once;
import static org.ipfhir.example.Own.until;

import org.ipfhir.example.Own.Author;
import org.ipfhir.own.model.Act;
import org.ipfhir.own.model.EventKind;
import org.ipfhir.own.model.GreenForm;
import org.ipfhir.own.model.Notice;
import org.ipfhir.own.model.Reason;
import org.ipfhir.own.model.State;
import org.ipfhir.own.model.StepPage;
import org.ipfhir.own.model.WorklistPage;

/** From the hospital's notice to the green form that confirms it, and the evidence of each step. */
final class Loop {
  private static final Author DOCTOR = Author.of("lars07", "Lars Sykehuslege Ås");
  private static final Author NINA = Author.of("nina01", "Nina Koordinatortest");

  private Loop() {}

  /** Runs one loop through both sides. */
  static void run() throws Exception {
    var hospital = new Own("hospital");
    var municipality = new Own("municipality");

    var notice = once("notice", Own.document("notice.json", Notice.class), null);
    var sent = again(() -> hospital.loops.sendNotice(DOCTOR.id(), DOCTOR.name(), notice.body(), null, notice.key()));
    String referral = notice.body().getCorrelationId();
    say("hospital: notice %s is %s", referral, sent.getState());

    // Our own people see it on their worklist; what is done stands there, too.
    var item = until("the notice at the municipality", () -> all(
            cursor -> municipality.work.listWork(NINA.id(), NINA.name(), true, null, 2, cursor),
            WorklistPage::getItems, WorklistPage::getNext)
        .stream()
        .filter(one -> one.getAggregate().getId().equals(referral) && one.getReason() == Reason.NEW_NOTICE)
        .findFirst().orElse(null));
    say("municipality: %s about %s", item.getReason(), referral);

    var acts = again(() -> municipality.loops.possibleActsWithHttpInfo(referral, NINA.id(), NINA.name()));
    say("municipality: possible are %s", acts.getData().getItems().stream().map(one -> one.getEvent()).toList());
    var accept = once("accept", new Act().event(EventKind.ACCEPT), etag(acts));
    var accepted = again(() -> municipality.loops.actOnReferral(
        referral, NINA.id(), NINA.name(), accept.body(), accept.key(), accept.etag()));
    say("municipality: %s is %s", referral, accepted.getState());

    var form = once("green-form", Own.document("green-form.json", GreenForm.class), null);
    var answered = again(() -> municipality.loops.sendGreenForm(
        NINA.id(), NINA.name(), form.body(), null, form.key(), form.etag()));
    say("municipality: %s is %s", referral, answered.getState());

    until("the green form at the hospital", () -> {
      var found = hospital.loops.readReferral(referral, DOCTOR.id(), DOCTOR.name());
      return found.getState() == State.CONFIRMED ? found : null;
    });
    say("hospital: %s is confirmed", referral);

    var steps = all(
        cursor -> hospital.loops.listEvidence(referral, DOCTOR.id(), DOCTOR.name(), 2, cursor),
        StepPage::getItems, StepPage::getNext);
    for (var step : steps) {
      Object who = step.getBy() != null ? step.getBy().getName() : step.getRaisedBy();
      say("hospital: step %d: %s by %s", step.getNumber(), step.getEvent(), who);
    }
  }

  /** Does one thing with a loop at one side, or is told why not. */
  static void act(String side, String referral, String event) throws Exception {
    var act = new Act().event(EventKind.fromValue(event));
    var shown = new Own(side).loops.actOnReferral(referral, NINA.id(), NINA.name(), act, null, null);
    say("%s: %s is %s", side, referral, shown.getState());
  }

  static void say(String words, Object... what) {
    System.out.printf(words + "%n", what);
  }
}
