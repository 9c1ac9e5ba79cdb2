package org.ipfhir.conformance;

import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.mllp.MllpConstants;
import org.apache.camel.main.Main;

/**
 * Apache Camel's MLLP as a peer. {@code serve PORT} acknowledges by itself and prints each MSH-10; {@code send PORT
 * FOLDER} sends each file of the folder until it is acknowledged, and prints MSA-1 and MSA-2.
 */
public final class CamelPeer {
  private CamelPeer() {}

  public static void main(String[] arguments) throws Exception {
    Main main = new Main();
    main.configure().addRoutesBuilder(arguments[0].equals("serve") ? serving(arguments[1]) : sending(arguments));
    main.run();
  }

  private static RouteBuilder serving(String port) {
    return new RouteBuilder() {
      @Override
      public void configure() {
        from("mllp:127.0.0.1:" + port + "?autoAck=true")
            .process(exchange -> say("GOT " + exchange.getIn().getBody(String.class).split("\\|")[9]));
      }
    };
  }

  private static RouteBuilder sending(String... arguments) {
    return new RouteBuilder() {
      @Override
      public void configure() {
        String options = "?include=.*[.]er7&sortBy=file:name&delay=100&initialDelay=0&move=done&readLock=none";
        from("file:" + arguments[2] + options)
            .convertBodyTo(byte[].class) // else the body is the file, and not what stands in it
            .to("mllp:127.0.0.1:" + arguments[1])
            .process(exchange -> say("ANSWER " + acknowledged(exchange)));
      }
    };
  }

  private static String acknowledged(Exchange exchange) {
    String answer = exchange.getIn().getHeader(MllpConstants.MLLP_ACKNOWLEDGEMENT_STRING, String.class);
    String[] fields = answer.substring(answer.indexOf("\rMSA|") + 1).split("[|\r]");
    return fields[1] + " " + fields[2];
  }

  private static synchronized void say(String line) {
    System.out.println(line);
    System.out.flush();
  }
}
