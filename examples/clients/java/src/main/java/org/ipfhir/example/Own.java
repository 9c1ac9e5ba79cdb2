package org.ipfhir.example;

import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Function;
import org.ipfhir.own.ApiClient;
import org.ipfhir.own.ApiException;
import org.ipfhir.own.ApiResponse;
import org.ipfhir.own.api.LoopsApi;
import org.ipfhir.own.api.PlansApi;
import org.ipfhir.own.api.WorkApi;
import org.ipfhir.own.model.ProblemDetails;

/** One side's interface: who asks, what is asked once, what is asked again, long lists, and refusals as data. */
final class Own {
  private static final ObjectMapper MAPPER = ApiClient.createDefaultObjectMapper();
  private static final Path RECORDS = Path.of(setting("RECORDS"));

  final LoopsApi loops;
  final PlansApi plans;
  final WorkApi work;

  /** The interface of `hospital` or `municipality`. The token says which program asks. */
  Own(String side) {
    String token = setting(side.toUpperCase() + "_TOKEN");
    var builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1);
    var client = new ApiClient(builder, MAPPER, setting(side.toUpperCase() + "_URL"));
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    loops = new LoopsApi(client);
    plans = new PlansApi(client);
    work = new WorkApi(client);
  }

  /** The person for whom it is asked, as the headers have it: UTF-8, percent-encoded. */
  record Author(String id, String name) {
    static Author of(String id, String name) {
      return new Author(encoded(id), encoded(name));
    }

    private static String encoded(String text) {
      return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
  }

  /** What is sent once: its key, the revision that it was decided on, and its body. */
  record Once<B>(String key, String etag, B body) {}

  /** Keeps it on disk before it is sent, so that after a crash the same is sent with the same key. */
  @SuppressWarnings("unchecked")
  static <B> Once<B> once(String name, B body, String etag) throws IOException {
    Path file = Files.createDirectories(RECORDS.resolve("sent")).resolve(name + ".json");
    if (!Files.exists(file)) {
      MAPPER.writeValue(file.toFile(), new Once<>(UUID.randomUUID().toString(), etag, body));
    }
    JavaType kept = MAPPER.getTypeFactory().constructParametricType(Once.class, body.getClass());
    return (Once<B>) MAPPER.readValue(file.toFile(), kept);
  }

  /** A document of the record: the notice, the green form, the plan. */
  static <T> T document(String name, Class<T> type) throws IOException {
    return MAPPER.readValue(RECORDS.resolve(name).toFile(), type);
  }

  interface Ask<T> {
    T ask() throws ApiException;
  }

  /** Asks again where no answer came, or the answer says that it may help. Only for what has a key, or reads. */
  static <T> T again(Ask<T> call) throws ApiException, InterruptedException {
    for (int left = 4; ; left--) {
      try {
        return call.ask();
      } catch (ApiException error) {
        boolean isLost = error.getCode() == 0;
        if (left == 0 || !isLost && !problem(error).getRetry()) throw error;
        if (isLost) System.out.println("no answer: asked again with the same key");
        Thread.sleep(isLost ? 0 : 1000 * error.getResponseHeaders().firstValueAsLong("Retry-After").orElse(1));
      }
    }
  }

  /** What was wrong, as data. */
  static ProblemDetails problem(ApiException refused) {
    try {
      return MAPPER.readValue(refused.getResponseBody(), ProblemDetails.class);
    } catch (IOException noProblem) {
      throw new IllegalStateException("HTTP " + refused.getCode() + " without a problem detail", refused);
    }
  }

  /** The revision that an answer shows, for `If-Match`. */
  static String etag(ApiResponse<?> answer) {
    return answer.getHeaders().get("etag").get(0);
  }

  interface Page<P> {
    P after(String cursor) throws ApiException;
  }

  /** All items of a long list, page after page. */
  static <P, T> List<T> all(Page<P> page, Function<P, List<T>> items, Function<P, String> next)
      throws ApiException, InterruptedException {
    var found = new ArrayList<T>();
    for (String cursor = null; ; ) {
      String from = cursor;
      P one = again(() -> page.after(from));
      found.addAll(items.apply(one));
      cursor = next.apply(one);
      if (cursor == null) return found;
    }
  }

  interface Look<T> {
    T look() throws ApiException, InterruptedException;
  }

  /** What the other side must bring first: looked for until it is there. An EHR would look each minute. */
  static <T> T until(String what, Look<T> look) throws ApiException, InterruptedException {
    for (int tries = 0; tries < 1200; tries++) {
      T found = look.look();
      if (found != null) return found;
      Thread.sleep(250);
    }
    throw new IllegalStateException("it did not come: " + what);
  }

  private static String setting(String name) {
    String found = System.getenv(name);
    if (found == null) throw new IllegalStateException(name + " is not set");
    return found;
  }
}
