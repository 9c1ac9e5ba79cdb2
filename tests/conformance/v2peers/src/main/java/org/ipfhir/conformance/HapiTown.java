package org.ipfhir.conformance;

import ca.uhn.hl7v2.AcknowledgmentCode;
import ca.uhn.hl7v2.HL7Exception;
import ca.uhn.hl7v2.HapiContext;
import ca.uhn.hl7v2.app.Connection;
import ca.uhn.hl7v2.app.HL7Service;
import ca.uhn.hl7v2.llp.LLPException;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.model.v251.group.REF_I12_PROVIDER_CONTACT;
import ca.uhn.hl7v2.model.v251.message.REF_I12;
import ca.uhn.hl7v2.model.v251.message.RRI_I12;
import ca.uhn.hl7v2.model.v251.segment.MSH;
import ca.uhn.hl7v2.model.v251.segment.OBX;
import ca.uhn.hl7v2.model.v251.segment.PRD;
import ca.uhn.hl7v2.protocol.ReceivingApplication;
import ca.uhn.hl7v2.util.DeepCopy;
import ca.uhn.hl7v2.util.Terser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A municipality's own application, on HAPI HL7v2 alone: {@code PORT THEIRS FOLDER appoint|reject original|enhanced}.
 *
 * <p>It stores each REF^I12 before it acknowledges it, and answers on a connection of its own: RRI^I12 that accepts, then
 * RRI^I12 with a coordinator, or one that rejects; each again until it is acknowledged. Prints GOT and each MSH-10 that
 * it stores for the first time, and SENT with the bytes of each answer.
 */
public final class HapiTown {
  private static final String OURS = "99IP";

  private final HapiContext context = HapiPeer.context();
  private final int theirs;
  private final Path stored;
  private final Path done;
  private final boolean rejects;
  private final boolean enhanced;

  private HapiTown(String... arguments) throws IOException {
    theirs = Integer.parseInt(arguments[1]);
    stored = Files.createDirectories(Path.of(arguments[2], "stored"));
    done = Files.createDirectories(Path.of(arguments[2], "done"));
    rejects = arguments[3].equals("reject");
    enhanced = arguments[4].equals("enhanced");
  }

  public static void main(String[] arguments) throws Exception {
    HapiTown town = new HapiTown(arguments);
    HL7Service service = town.context.newServer(Integer.parseInt(arguments[0]), false);
    service.registerApplication(new HapiPeer.Everything(), town.new Storing());
    service.startAndWait();
    while (true) {
      town.answerAll();
      Thread.sleep(50);
    }
  }

  private static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }

  private final class Storing implements ReceivingApplication<Message> {
    @Override
    public boolean canProcess(Message message) {
      return true;
    }

    @Override
    public Message processMessage(Message message, Map<String, Object> metadata) throws HL7Exception {
      Terser terser = new Terser(message);
      try {
        if (message instanceof REF_I12 && "I12".equals(terser.get("/.MSH-9-2"))) {
          store(terser.get("/.MSH-10"), message.encode());
        }
        boolean asksForAccept = "AL".equals(terser.get("/.MSH-15"));
        return message.generateACK(asksForAccept ? AcknowledgmentCode.CA : AcknowledgmentCode.AA, null);
      } catch (IOException error) {
        throw new HL7Exception(error);
      }
    }
  }

  private synchronized void store(String ident, String text) throws IOException {
    if (Files.exists(stored.resolve(ident)) || Files.exists(done.resolve(ident))) {
      return;
    }
    Path part = stored.resolveSibling(ident + ".part");
    Files.deleteIfExists(part);
    Files.writeString(part, text, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.SYNC);
    Files.move(part, stored.resolve(ident), StandardCopyOption.ATOMIC_MOVE);
    say("GOT " + ident);
  }

  private void answerAll() throws Exception {
    List<Path> waiting;
    try (Stream<Path> files = Files.list(stored)) {
      waiting = files.sorted().toList();
    }
    for (Path file : waiting) {
      REF_I12 asked = (REF_I12) context.getGenericParser().parse(Files.readString(file));
      boolean all = true;
      for (RRI_I12 answer : rejects ? List.of(rejected(asked)) : List.of(accepted(asked), appointed(asked))) {
        all = all && isAcknowledged(answer);
      }
      if (all) {
        Files.move(file, done.resolve(file.getFileName()), StandardCopyOption.ATOMIC_MOVE);
      }
    }
  }

  private boolean isAcknowledged(RRI_I12 answer) throws HL7Exception {
    say("SENT " + Base64.getEncoder().encodeToString(answer.encode().getBytes(StandardCharsets.UTF_8)));
    try (Connection connection = context.newClient("127.0.0.1", theirs, false)) {
      connection.getInitiator().setTimeout(10, TimeUnit.SECONDS);
      Terser reply = new Terser(connection.getInitiator().sendAndReceive(answer));
      return List.of("AA", "CA").contains(reply.get("/.MSA-1"));
    } catch (HL7Exception | LLPException | IOException error) {
      return false;
    }
  }

  private RRI_I12 accepted(REF_I12 asked) throws Exception {
    return answer(asked, "1", "A");
  }

  private RRI_I12 appointed(REF_I12 asked) throws Exception {
    RRI_I12 answer = answer(asked, "2", "A");
    PRD person = answer.insertPROVIDER_CONTACT(answer.getPROVIDER_CONTACTReps()).getPRD();
    person.getPrd1_ProviderRole(0).parse("RT^Referred to Provider^HL70286");
    person.getPrd2_ProviderName(0).parse("Øverland^Kåre^^^^^^^^^^^^Koordinator");
    person.getPrd4_ProviderLocation().getPl9_LocationDescription().setValue("Hjemmetjenesten i Nordvik");
    person.getPrd5_ProviderCommunicationInformation(0).parse("^WPN^PH^^^^^^^^^+47 00 00 08 01");
    person.getPrd8_EffectiveStartDateOfProviderRole().parse("20260119");
    return answer;
  }

  private RRI_I12 rejected(REF_I12 asked) throws Exception {
    RRI_I12 answer = answer(asked, "2", "R");
    answer.getOBSERVATION().getOBR().getObr4_UniversalServiceIdentifier().parse("ip-green-form^Grønt skjema^" + OURS);
    item(answer, "rejection-reason", "CWE", "no-lasting-need^No lasting need^99IPREJ");
    item(answer, "rejection-legal-basis", "CWE", "pbrl-2-5b^pasient- og brukerrettighetsloven § 2-5 b^99IPLAW");
    item(answer, "complaint-told", "CWE", "Y^Yes^HL70136");
    item(answer, "complaint-to", "TX", "Statsforvalteren, gjennom kommunen");
    return answer;
  }

  private static void item(RRI_I12 answer, String link, String type, String value) throws HL7Exception {
    int number = answer.getOBSERVATION().getRESULTS_NOTESReps();
    OBX row = answer.getOBSERVATION().getRESULTS_NOTES(number).getOBX();
    row.parse("OBX|" + (number + 1) + "|" + type + "|" + link + "^^" + OURS + "||" + value + "||||||F");
  }

  /** Returns RRI^I12 with what every answer has: the referral's own RF1, parties and patient. */
  private RRI_I12 answer(REF_I12 asked, String number, String status) throws Exception {
    RRI_I12 answer = new RRI_I12(asked.getModelClassFactory());
    answer.setParser(context.getPipeParser());
    answer.initQuickstart("RRI", "I12", "P");
    header(asked.getMSH(), answer.getMSH(), number);
    DeepCopy.copy(asked.getRF1(), answer.getRF1());
    answer.getRF1().getRf11_ReferralStatus().parse(status);
    for (REF_I12_PROVIDER_CONTACT contact : asked.getPROVIDER_CONTACTAll()) {
      PRD from = contact.getPRD();
      String role = from.getPrd1_ProviderRole(0).getCe1_Identifier().getValue();
      if (List.of("RP", "RT").contains(role) && from.getPrd2_ProviderName(0).isEmpty()) {
        DeepCopy.copy(from, answer.insertPROVIDER_CONTACT(answer.getPROVIDER_CONTACTReps()).getPRD());
      }
    }
    DeepCopy.copy(asked.getPID(), answer.getPID());
    return answer;
  }

  private void header(MSH asked, MSH ours, String number) throws HL7Exception {
    DeepCopy.copy(asked.getMsh5_ReceivingApplication(), ours.getMsh3_SendingApplication());
    DeepCopy.copy(asked.getMsh6_ReceivingFacility(), ours.getMsh4_SendingFacility());
    DeepCopy.copy(asked.getMsh3_SendingApplication(), ours.getMsh5_ReceivingApplication());
    DeepCopy.copy(asked.getMsh4_SendingFacility(), ours.getMsh6_ReceivingFacility());
    DeepCopy.copy(asked.getMsh7_DateTimeOfMessage(), ours.getMsh7_DateTimeOfMessage());
    String ident = asked.getMsh10_MessageControlID().getValue();
    ours.getMsh10_MessageControlID().setValue(ident.substring(0, 18) + "-" + number);
    if (enhanced) {
      ours.getMsh15_AcceptAcknowledgmentType().setValue("AL");
      ours.getMsh16_ApplicationAcknowledgmentType().setValue("NE");
    }
    ours.getMsh18_CharacterSet(0).setValue("UNICODE UTF-8");
  }
}
