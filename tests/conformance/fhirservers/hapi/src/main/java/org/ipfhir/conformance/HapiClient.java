package org.ipfhir.conformance;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.model.api.Include;
import ca.uhn.fhir.rest.api.SearchStyleEnum;
import ca.uhn.fhir.rest.api.SummaryEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.gclient.ICriterion;
import ca.uhn.fhir.rest.gclient.IQuery;
import ca.uhn.fhir.rest.gclient.TokenClientParam;
import ca.uhn.fhir.rest.param.DateRangeParam;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.hl7.fhir.instance.model.api.IBaseBundle;
import org.hl7.fhir.r4.model.Annotation;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.IdType;
import org.hl7.fhir.r4.model.MessageHeader;
import org.hl7.fhir.r4.model.Resource;
import org.hl7.fhir.r4.model.ServiceRequest;
import org.hl7.fhir.r4.model.Task;

/**
 * HAPI's generic client against an endpoint: {@code HapiClient BASE TOKEN DIRECTORY}. Each line of what it prints is a
 * feature, a tab, and what came of it. The directory has a ServiceRequest that can be created ({@code request.json})
 * and a message ({@code message.json}).
 */
public final class HapiClient {

    private static final String STATUS = "http://hl7.org/fhir/task-status";
    private static final String FIRST = "referral-01-1";

    private final IGenericClient client;
    private final String base;
    private final FhirContext context = FhirContext.forR4();

    private HapiClient(String base, String token) {
        this.base = base;
        context.getRestfulClientFactory().setSocketTimeout(120_000);
        client = context.newRestfulGenericClient(base);
        client.registerInterceptor(new BearerTokenAuthInterceptor(token));
    }

    public static void main(String[] args) throws Exception {
        var here = new HapiClient(args[0], args[1]);
        here.reads();
        here.searches();
        here.writes();
        here.creates(Files.readString(Path.of(args[2], "request.json")));
        here.bundles(Path.of(args[2]));
        here.errors();
    }

    private void reads() {
        check("capabilities", () -> client.capabilities()
                .ofType(CapabilityStatement.class)
                .execute()
                .getFhirVersion()
                .toCode());
        check("read", () -> task(FIRST).getStatus().toCode());
        check("vread", () -> client.read()
                .resource(Task.class)
                .withIdAndVersion(FIRST, "1")
                .execute()
                .getStatus()
                .toCode());
        check("history of a resource", () -> "" + client.history()
                .onInstance(new IdType("Task", FIRST))
                .returnBundle(Bundle.class)
                .execute()
                .getEntry()
                .size());
    }

    private void searches() {
        find("search by code", Task.STATUS.exactly().code("received"));
        find("search by system and code", Task.STATUS.exactly().systemAndCode(STATUS, "received"));
        find("search by one of several codes", Task.STATUS.exactly().codes("received", "draft"));
        find("search by id", Task.RES_ID.exactly().code(FIRST));
        find("search by a relative reference", Task.FOCUS.hasId("ServiceRequest/referral-01"));
        find("search by an absolute reference", Task.FOCUS.hasId(base + "/ServiceRequest/referral-01"));
        find("search by the owner's number", new TokenClientParam("owner:identifier").exactly().code("90000202"));
        check("search by POST", () -> found(tasks()
                .where(Task.STATUS.exactly().code("received"))
                .usingStyle(SearchStyleEnum.POST)
                .returnBundle(Bundle.class)
                .execute()));
        check("search in pages of one", this::pages);
        check("search with _include", () -> types(tasks().include(new Include("Task:focus"))));
        check("search with _revinclude", () -> types(
                client.search().forResource(ServiceRequest.class).revInclude(new Include("Task:focus"))));
        check("search with _sort", () -> first(tasks().sort().descending("_lastUpdated"))
                .getIdElement()
                .getIdPart());
        check("search with _lastUpdated", () -> found(tasks()
                .lastUpdated(new DateRangeParam().setLowerBound("gt2026-01-12T13:30:00Z"))
                .returnBundle(Bundle.class)
                .execute()));
        check("search with _summary", () -> tags(first(tasks().summaryMode(SummaryEnum.TRUE))));
        check("search with _elements", () -> tags(first(tasks().elementsSubset("status"))));
    }

    private void writes() {
        Task stale = task(FIRST);
        check("update, If-Match sent by itself", () -> {
            Task task = task(FIRST);
            task.addNote(new Annotation().setText("ring"));
            return version(client.update().resource(task).execute().getId());
        });
        check("update of an old version", () -> version(
                client.update().resource(stale).execute().getId()));
        check("PATCH", () -> version(client.patch()
                .withBody("[{\"op\": \"replace\", \"path\": \"/note/0/text\", \"value\": \"skriv\"}]")
                .withId(new IdType("Task", FIRST))
                .withAdditionalHeader("If-Match", "W/\"2\"")
                .execute()
                .getId()));
        check("conditional update", () -> {
            Task task = task("referral-02-1");
            task.addNote(new Annotation().setText("ring"));
            var number = task.getIdentifierFirstRep();
            return version(client.update()
                    .resource(task)
                    .conditional()
                    .where(Task.IDENTIFIER.exactly().systemAndCode(number.getSystem(), number.getValue()))
                    .withAdditionalHeader("If-Match", "W/\"1\"")
                    .execute()
                    .getId());
        });
    }

    private void creates(String request) {
        var body = context.newJsonParser().parseResource(ServiceRequest.class, request);
        var number = body.getIdentifierFirstRep();
        var criterion = ServiceRequest.IDENTIFIER.exactly().systemAndCode(number.getSystem(), number.getValue());
        for (String name : List.of("create on a condition", "create on a condition, again")) {
            check(name, () -> {
                var made = client.create().resource(body).conditional().where(criterion).execute();
                return "%s %s".formatted(made.getResponseStatusCode(), made.getId().getIdPart());
            });
        }
        check("create", () -> client.create().resource(body).execute().getId().getIdPart());
        check("transaction with ifNoneExist", () -> {
            var bundle = new Bundle().setType(Bundle.BundleType.TRANSACTION);
            bundle.addEntry()
                    .setFullUrl("urn:uuid:" + UUID.randomUUID())
                    .setResource(body)
                    .getRequest()
                    .setMethod(Bundle.HTTPVerb.POST)
                    .setUrl("ServiceRequest")
                    .setIfNoneExist("identifier=" + number.getSystem() + "|" + number.getValue());
            return statuses(client.transaction().withBundle(bundle).execute());
        });
    }

    private void bundles(Path files) throws IOException {
        check("batch", () -> {
            var bundle = new Bundle().setType(Bundle.BundleType.BATCH);
            for (String url : List.of("Task/" + FIRST, "Task/none", "Task?status=received")) {
                bundle.addEntry().getRequest().setMethod(Bundle.HTTPVerb.GET).setUrl(url);
            }
            return statuses(client.transaction().withBundle(bundle).execute());
        });
        String message = Files.readString(files.resolve("message.json"));
        for (String name : List.of("$process-message", "$process-message, again")) {
            check(name, () -> {
                Bundle sent = context.newJsonParser().parseResource(Bundle.class, message);
                IBaseBundle answer = client.operation()
                        .processMessage()
                        .setMessageBundle(sent)
                        .synchronous(Bundle.class)
                        .execute();
                var header = (MessageHeader) ((Bundle) answer).getEntryFirstRep().getResource();
                return header.getResponse().getCode().toCode();
            });
        }
    }

    private void errors() {
        check("error: not there", () -> "" + task("none"));
        check("error: an unknown parameter", () -> found(tasks()
                .where(new TokenClientParam("colour").exactly().code("blue"))
                .returnBundle(Bundle.class)
                .execute()));
        check("error: delete", () -> "" + client.delete().resourceById("Task", FIRST).execute());
        check("error: another token", () -> "" + new HapiClient(base, "x".repeat(30)).task(FIRST));
    }

    private Task task(String id) {
        return client.read().resource(Task.class).withId(id).execute();
    }

    private IQuery<IBaseBundle> tasks() {
        return client.search().forResource(Task.class);
    }

    private void find(String name, ICriterion<?> criterion) {
        check(name, () -> found(tasks().where(criterion).returnBundle(Bundle.class).execute()));
    }

    private String pages() {
        Bundle page = tasks().count(1).returnBundle(Bundle.class).execute();
        var ids = new TreeSet<String>();
        int pages = 0;
        for (; page != null; pages++) {
            page.getEntry().forEach(entry -> ids.add(entry.getResource().getIdElement().getIdPart()));
            boolean more = page.getLink(IBaseBundle.LINK_NEXT) != null;
            page = more ? client.loadPage().next(page).execute() : null;
        }
        return "%d in %d pages".formatted(ids.size(), pages);
    }

    private Resource first(IQuery<IBaseBundle> query) {
        return query.returnBundle(Bundle.class).execute().getEntryFirstRep().getResource();
    }

    private static String found(Bundle bundle) {
        return "" + bundle.getEntry().size();
    }

    private static String types(IQuery<IBaseBundle> query) {
        return types(query.returnBundle(Bundle.class).execute());
    }

    private static String types(Bundle bundle) {
        return bundle.getEntry().stream()
                .map(entry -> entry.getResource().fhirType())
                .distinct()
                .collect(Collectors.joining(", "));
    }

    private static String tags(Resource resource) {
        return resource.getMeta().getTag().stream().map(tag -> tag.getCode()).collect(Collectors.joining(", "));
    }

    private static String statuses(Bundle bundle) {
        return bundle.getEntry().stream()
                .map(entry -> entry.getResponse().getStatus().substring(0, 3))
                .collect(Collectors.joining(", "));
    }

    private static String version(org.hl7.fhir.instance.model.api.IIdType id) {
        return id == null ? "no id" : "version " + id.getVersionIdPart();
    }

    private static void check(String name, Callable<String> what) {
        String said;
        try {
            said = what.call();
        } catch (BaseServerResponseException error) {
            boolean told = error.getOperationOutcome() != null;
            said = "HTTP " + error.getStatusCode() + (told ? " with an OperationOutcome" : ", not said why");
        } catch (Exception error) {
            said = error.getClass().getSimpleName();
        }
        System.out.printf("%s\t%s%n", name, said);
    }
}
