package org.ipfhir.conformance;

import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;

/** Apache Camel's MLLP as a peer: {@code PORT}; acknowledges by itself, and prints each MSH-10. */
public final class CamelPeer {
  private CamelPeer() {}

  public static void main(String[] arguments) throws Exception {
    Main main = new Main();
    main.configure()
        .addRoutesBuilder(
            new RouteBuilder() {
              @Override
              public void configure() {
                from("mllp:127.0.0.1:" + arguments[0] + "?autoAck=true")
                    .process(
                        exchange -> {
                          System.out.println("GOT " + exchange.getIn().getBody(String.class).split("\\|")[9]);
                          System.out.flush();
                        });
              }
            });
    main.run();
  }
}
