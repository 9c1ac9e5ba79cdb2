package org.ipfhir.conformance;

import ca.uhn.fhir.interceptor.api.Hook;
import ca.uhn.fhir.interceptor.api.Pointcut;
import ca.uhn.fhir.rest.api.server.RequestDetails;
import ca.uhn.fhir.rest.server.interceptor.RequestValidatingInterceptor;
import ca.uhn.fhir.validation.IValidatorModule;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.List;
import java.util.Set;

/**
 * Refuses what is invalid, but for definitions: HAPI 8.8.0 would refuse every StructureDefinition of an extension
 * ("Unable to resolve package id hl7.fhir.r4.core#null"), also one made by hand.
 */
public final class Judge {

    private static final Set<String> DEFINITIONS = Set.of(
            "StructureDefinition", "CodeSystem", "ValueSet", "Questionnaire", "NamingSystem", "SearchParameter");

    private final RequestValidatingInterceptor validator = new RequestValidatingInterceptor();

    Judge(IValidatorModule module) {
        validator.setFailOnSeverity(ResultSeverityEnum.ERROR);
        validator.setValidatorModules(List.of(module));
    }

    /** Returns true if the request may go on; answers 422 if a resource in it is invalid. */
    @Hook(Pointcut.SERVER_INCOMING_REQUEST_POST_PROCESSED)
    public boolean judge(RequestDetails details, HttpServletRequest request, HttpServletResponse response) {
        return DEFINITIONS.contains(String.valueOf(details.getResourceName()))
                || validator.incomingRequestPostProcessed(details, request, response);
    }
}
