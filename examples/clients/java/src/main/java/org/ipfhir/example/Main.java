package org.ipfhir.example;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.ipfhir.own.ApiException;

/** java -jar own-client.jar loop | plan GOAL WORDS | act SIDE REFERRAL EVENT */
public final class Main {
  private Main() {}

  /** Runs it. Ends with 1, and prints the problem, where something is refused. */
  public static void main(String[] arguments) throws Exception {
    System.setOut(new PrintStream(System.out, true, StandardCharsets.UTF_8));
    try {
      switch (arguments[0]) {
        case "loop" -> Loop.run();
        case "plan" -> new Plan().run(arguments[1], arguments[2]);
        case "act" -> Loop.act(arguments[1], arguments[2], arguments[3]);
        default -> throw new IllegalArgumentException("one of: loop, plan GOAL WORDS, act SIDE REFERRAL EVENT");
      }
    } catch (ApiException error) {
      if (error.getCode() == 0) throw error;
      var problem = Own.problem(error);
      System.out.printf("refused: %d %s: %s%n", problem.getStatus(), problem.getType(), problem.getDetail());
      for (var one : problem.getProblems()) {
        System.out.printf("refused: at %s: %s: %s%n", one.getPath(), one.getCode(), one.getReason());
      }
      System.exit(1);
    }
  }
}
