package org.ipfhir.conformance;

import ca.uhn.hl7v2.AcknowledgmentCode;
import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.ErrorCode;
import ca.uhn.hl7v2.HL7Exception;
import ca.uhn.hl7v2.HapiContext;
import ca.uhn.hl7v2.app.Connection;
import ca.uhn.hl7v2.app.HL7Service;
import ca.uhn.hl7v2.llp.MinLowerLayerProtocol;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.parser.CanonicalModelClassFactory;
import ca.uhn.hl7v2.protocol.ApplicationRouter;
import ca.uhn.hl7v2.protocol.ReceivingApplication;
import ca.uhn.hl7v2.util.StandardSocketFactory;
import ca.uhn.hl7v2.util.Terser;
import ca.uhn.hl7v2.util.idgenerator.InMemoryIDGenerator;
import ca.uhn.hl7v2.validation.impl.ValidationContextFactory;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * HAPI HL7v2 as a peer. {@code serve PORT MODE} answers messages (ok, reject) and prints each MSH-10; {@code send
 * PORT} sends each line of stdin (a message in base64) on one connection and prints the answer in base64.
 */
public final class HapiPeer {
  private HapiPeer() {}

  public static void main(String[] arguments) throws Exception {
    int port = Integer.parseInt(arguments[1]);
    if (arguments[0].equals("serve")) {
      serve(port, arguments[2].equals("reject"));
    } else {
      send(port);
    }
  }

  static HapiContext context() {
    HapiContext context = new DefaultHapiContext();
    context.setModelClassFactory(new CanonicalModelClassFactory("2.5.1"));
    context.setValidationContext(ValidationContextFactory.noValidation());
    context.setLowerLayerProtocol(new MinLowerLayerProtocol(true));
    context.setSocketFactory(new OnLoopback());
    context.getParserConfiguration().setIdGenerator(new InMemoryIDGenerator()); // else a file in the working directory
    return context;
  }

  private static void serve(int port, boolean reject) throws Exception {
    HL7Service service = context().newServer(port, false);
    service.registerApplication(new Everything(), new Answering(reject));
    service.startAndWait();
    System.out.println("READY");
    System.out.flush();
    Thread.sleep(Long.MAX_VALUE);
  }

  private static void send(int port) throws Exception {
    HapiContext context = context();
    Connection connection = context.newClient("127.0.0.1", port, false);
    connection.getInitiator().setTimeout(10, TimeUnit.SECONDS);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String text = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8);
      Message answer = connection.getInitiator().sendAndReceive(context.getGenericParser().parse(text));
      System.out.println(Base64.getEncoder().encodeToString(answer.encode().getBytes(StandardCharsets.UTF_8)));
      System.out.flush();
    }
    System.exit(0);
  }

  private static final class OnLoopback extends StandardSocketFactory {
    @Override
    public ServerSocket createServerSocket() throws IOException {
      return new ServerSocket() {
        @Override
        public void bind(SocketAddress address, int queue) throws IOException {
          super.bind(new InetSocketAddress("127.0.0.1", ((InetSocketAddress) address).getPort()), queue);
        }
      };
    }
  }

  static final class Everything implements ApplicationRouter.AppRoutingData {
    @Override
    public String getVersion() {
      return "*";
    }

    @Override
    public String getTriggerEvent() {
      return "*";
    }

    @Override
    public String getProcessingId() {
      return "*";
    }

    @Override
    public String getMessageType() {
      return "*";
    }
  }

  private record Answering(boolean reject) implements ReceivingApplication<Message> {
    @Override
    public boolean canProcess(Message message) {
      return true;
    }

    @Override
    public Message processMessage(Message message, Map<String, Object> metadata) throws HL7Exception {
      System.out.println("GOT " + new Terser(message).get("/.MSH-10"));
      System.out.flush();
      try {
        return reject
            ? message.generateACK(AcknowledgmentCode.AR, new HL7Exception("no", ErrorCode.UNSUPPORTED_MESSAGE_TYPE))
            : message.generateACK();
      } catch (IOException error) {
        throw new HL7Exception(error);
      }
    }
  }
}
