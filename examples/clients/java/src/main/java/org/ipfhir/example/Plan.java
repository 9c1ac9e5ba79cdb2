package org.ipfhir.example;

import static org.ipfhir.example.Loop.say;
import static org.ipfhir.example.Own.again;
import static org.ipfhir.example.Own.all;
import static org.ipfhir.example.Own.etag;
import static org.ipfhir.example.Own.once;
import static org.ipfhir.example.Own.until;

import java.util.function.Predicate;
import org.ipfhir.example.Own.Author;
import org.ipfhir.example.Own.Once;
import org.ipfhir.own.ApiException;
import org.ipfhir.own.model.AccessLog;
import org.ipfhir.own.model.Decisions;
import org.ipfhir.own.model.IndividualPlan;
import org.ipfhir.own.model.NewShare;
import org.ipfhir.own.model.Outcome;
import org.ipfhir.own.model.PlanView;
import org.ipfhir.own.model.SharingState;
import org.ipfhir.own.model.Wanted;
import org.ipfhir.own.model.WantedView;

/** A plan that the municipality holds and the hospital takes part in: saved, shared, changed from both sides. */
final class Plan {
  private static final Author NINA = Author.of("nina01", "Nina Koordinatortest");
  private static final Author PER = Author.of("per02", "Per Fagtest");
  private static final Author DOCTOR = Author.of("lars07", "Lars Sykehuslege Ås");

  private final Own hospital = new Own("hospital");
  private final Own municipality = new Own("municipality");
  private final Once<IndividualPlan> first;
  private final String id;

  Plan() throws Exception {
    first = once("plan", Own.document("plan.json", IndividualPlan.class), null);
    id = first.body().getId();
  }

  /** Saves, shares and changes the plan of the record. `goal` is what a goal says, and the hospital wants in other words. */
  void run(String goal, String words) throws Exception {
    var saved = again(() -> municipality.plans.savePlanWithHttpInfo(
        NINA.id(), NINA.name(), first.body(), null, first.key(), null));
    say("municipality: %s is saved", id);

    preview();
    var share = once("share", new NewShare().party("hospital"), etag(saved));
    var shared = again(() -> municipality.plans.sharePlan(
        id, NINA.id(), NINA.name(), share.body(), share.key(), share.etag()));
    say("municipality: %s is shared with %s", id, shared.getSharedWith());

    twoAuthors();
    proposal(goal, words);

    var log = all(
        cursor -> municipality.plans.readAccessLog(id, NINA.id(), NINA.name(), 2, cursor),
        AccessLog::getItems, AccessLog::getNext);
    for (var line : log) {
      say("municipality: %s was sent %s %s on %s", line.getTo(), line.getKind(), line.getNumber(), line.getConsents());
    }
  }

  /** What each participant would see: shown to the person and the coordinator before anything is shared. */
  private void preview() throws Exception {
    for (var one : again(() -> municipality.plans.previewPlan(id, NINA.id(), NINA.name(), new Wanted())).getItems()) {
      int goals = one.getView() == null ? 0 : one.getView().getPlan().getGoals().size();
      say("municipality: %s would see %d goals%s", one.getParty(), goals,
          one.getRefusal() == null ? "" : ": " + one.getRefusal());
    }
  }

  /** Two authors have read the same version. The second is told, reads again, and decides again. */
  private void twoAuthors() throws Exception {
    String looked = revision();
    var hers = once("title", read().title("Plan for vegen heim, i lag"), looked);
    var his = once("note", read().note("Møte kvar månad."), looked);
    say("municipality: Nina saved version %d", save(NINA, hers).getVersion());
    try {
      save(PER, his);
    } catch (ApiException refused) {
      if (refused.getCode() != 412) throw refused;
      say("municipality: Per is told %d: %s", refused.getCode(), Own.problem(refused).getDetail());
      String newest = revision();
      var merged = once("note-again", read().note(his.body().getNote()), newest);
      say("municipality: Per saved version %d", save(PER, merged).getVersion());
    }
  }

  private String revision() throws Exception {
    return etag(again(() -> municipality.plans.readSharingWithHttpInfo(id, PER.id(), PER.name())));
  }

  private IndividualPlan read() throws Exception {
    return again(() -> municipality.plans.readPlan(id, PER.id(), PER.name(), null));
  }

  private SharingState save(Author by, Once<IndividualPlan> kept) throws Exception {
    return again(() -> municipality.plans.updatePlan(id, by.id(), by.name(), kept.body(), kept.key(), kept.etag()));
  }

  /** The hospital wants a goal in other words (its ids in a view are the view's own); the municipality says yes. */
  private void proposal(String goal, String words) throws Exception {
    var before = view(one -> "Møte kvar månad.".equals(one.getPlan().getNote()));
    say("hospital: view %d of %s has %d goals", before.getNumber(), id, before.getPlan().getGoals().size());
    before.getPlan().getGoals().stream().filter(one -> goal.equals(one.getText())).forEach(one -> one.setText(words));
    var asked = once("change", new WantedView().view(before).text("Avtalt i dag"), null);
    again(() -> hospital.plans.changePlan(id, DOCTOR.id(), DOCTOR.name(), asked.body(), asked.key(), asked.etag()));
    say("hospital: asked for \"%s\" instead of \"%s\"", words, goal);

    var kept = until("the change", () -> municipality.plans.listChanges(id, NINA.id(), NINA.name())
        .getItems().stream().findFirst().orElse(null));
    var parts = kept.getDecisions().stream().filter(part -> part.getOutcome() == Outcome.PROPOSED).toList();
    parts.forEach(part -> part.setOutcome(Outcome.ACCEPTED));
    var yes = once("yes", new Decisions().decisions(parts), null);
    var after = again(() -> municipality.plans.decideChange(
        id, kept.getChange().getId(), NINA.id(), NINA.name(), yes.body(), yes.key(), yes.etag()));
    say("municipality: the change is accepted, version %d", after.getVersion());

    var shown = view(one -> one.getPlan().getGoals().stream().anyMatch(each -> words.equals(each.getText())));
    say("hospital: view %d shows it", shown.getNumber());
  }

  private PlanView view(Predicate<PlanView> is) throws ApiException, InterruptedException {
    return until("the view", () -> {
      try {
        return hospital.plans.readViews(id, DOCTOR.id(), DOCTOR.name())
            .getItems().stream().filter(is).findFirst().orElse(null);
      } catch (ApiException refused) {
        if (refused.getCode() != 404) throw refused;
        return null; // the hospital has not heard of the plan yet
      }
    });
  }
}
