package org.ipfhir.conformance;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Judges FHIR resources, one request a line on stdin, one answer a line on stdout, in the same order.
 *
 * <p>Request: {@code {"resource": {...}, "profiles": ["canonical", ...]}}; {@code "text"} may stand for {@code
 * "resource"}: the bytes as they are, which need not be JSON. Answer: {@code {"issues": [{"severity", "location",
 * "id", "message"}]}}, severity one of fatal, error, warning, information. The first line, before any request, is
 * {@code {"ready": true, "definitions": n}}. Arguments: directories and files of definitions in JSON (profiles,
 * extensions, code systems, value sets) that are known besides those of FHIR itself; without any, extensions are not
 * judged. The first argument {@code --r5} asks for FHIR R5 in place of R4.
 */
public final class Validator {
  private static final String R5 = "--r5";
  private static final int WORKERS = 2;
  private static final int AHEAD = 8; // requests read before the first of them is answered; bounds the memory

  private final FhirValidator judge;

  private Validator(FhirValidator judge) {
    this.judge = judge;
  }

  public static void main(String[] arguments) throws IOException, InterruptedException, ExecutionException {
    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
    System.setOut(System.err); // what libraries print is no answer
    boolean r5 = arguments.length > 0 && arguments[0].equals(R5);
    FhirContext context = r5 ? FhirContext.forR5Cached() : FhirContext.forR4Cached();
    List<Path> places = Arrays.stream(arguments).skip(r5 ? 1 : 0).map(Path::of).toList();
    Definitions definitions = Definitions.read(context, places);
    Validator validator = new Validator(definitions.judge(context, places.isEmpty()));
    JsonObject ready = new JsonObject();
    ready.addProperty("ready", true);
    ready.addProperty("definitions", definitions.count());
    out.println(ready);
    out.flush();
    validator.serve(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)), out);
  }

  private void serve(BufferedReader requests, PrintStream answers)
      throws IOException, InterruptedException, ExecutionException {
    ExecutorService workers = Executors.newFixedThreadPool(WORKERS);
    Deque<Future<String>> waiting = new ArrayDeque<>();
    try {
      for (String line = requests.readLine(); line != null; line = requests.readLine()) {
        String request = line;
        waiting.add(workers.submit(() -> answer(request)));
        while (!waiting.isEmpty() && (waiting.size() > AHEAD || !requests.ready())) {
          answers.println(waiting.remove().get());
        }
        answers.flush();
      }
      while (!waiting.isEmpty()) {
        answers.println(waiting.remove().get());
      }
      answers.flush();
    } finally {
      workers.shutdownNow();
    }
  }

  private String answer(String line) {
    JsonObject request = JsonParser.parseString(line).getAsJsonObject();
    ValidationOptions options = new ValidationOptions();
    if (request.has("profiles")) {
      request.getAsJsonArray("profiles").forEach(profile -> options.addProfile(profile.getAsString()));
    }
    JsonElement text = request.get("text");
    String resource = text == null ? new Gson().toJson(request.get("resource")) : text.getAsString();
    JsonArray issues = new JsonArray();
    try {
      judge.validateWithResult(resource, options).getMessages().forEach(found -> issues.add(issue(found)));
    } catch (RuntimeException failure) { // not JSON, no resource: for the one who asks, not for this program
      SingleValidationMessage found = new SingleValidationMessage();
      found.setMessage(failure.getMessage());
      JsonObject issue = issue(found);
      issue.addProperty("severity", "fatal");
      issues.add(issue);
    }
    JsonObject answer = new JsonObject();
    answer.add("issues", issues);
    return answer.toString();
  }

  private static JsonObject issue(SingleValidationMessage found) {
    JsonObject issue = new JsonObject();
    issue.addProperty("severity", found.getSeverity() == null ? "error" : found.getSeverity().getCode());
    issue.addProperty("location", found.getLocationString());
    issue.addProperty("id", found.getMessageId());
    issue.addProperty("message", found.getMessage());
    return issue;
  }
}
