package org.ipfhir.conformance;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.parser.IParser;
import ca.uhn.fhir.validation.FhirValidator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.PrePopulatedValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.instance.model.api.IBaseResource;
import org.hl7.fhir.r4.model.Questionnaire;

/** What the validator knows: FHIR itself (R4 or R5), the terminology that comes with it, and the definitions it is given. */
final class Definitions {
  private final Ours ours;
  private int count;

  private Definitions(FhirContext context) {
    ours = new Ours(context);
  }

  /** Reads every *.json under the places. A file that is no resource is an error: a definition would be missing. */
  static Definitions read(FhirContext context, List<Path> places) throws IOException {
    Definitions read = new Definitions(context);
    IParser parser = context.newJsonParser();
    for (Path place : places) {
      try (Stream<Path> files = Files.walk(place)) {
        files.filter(file -> file.toString().endsWith(".json")).sorted().forEach(file -> read.add(parser, file));
      }
    }
    return read;
  }

  private void add(IParser parser, Path file) {
    try {
      IBaseResource definition = parser.parseResource(Files.readString(file));
      if (definition instanceof Questionnaire form) {
        ours.forms.put(form.getUrl(), form);
      } else {
        ours.addResource(definition);
      }
      count++;
    } catch (IOException failure) {
      throw new UncheckedIOException(file.toString(), failure);
    }
  }

  int count() {
    return count;
  }

  /**
   * A validator that knows them. Strict: an unknown extension, profile or code system is a finding. Extensions of HL7
   * Norway are known by name alone, as its profiles are not part of this project.
   *
   * @param anyExtension whether extensions that are not known pass, as they do for who knows FHIR alone
   */
  FhirValidator judge(FhirContext context, boolean anyExtension) {
    ValidationSupportChain chain =
        new ValidationSupportChain(
            ours,
            new DefaultProfileValidationSupport(context),
            new InMemoryTerminologyServerValidationSupport(context),
            new CommonCodeSystemsTerminologyService(context),
            new SnapshotGeneratingValidationSupport(context));
    FhirInstanceValidator module = new FhirInstanceValidator(chain);
    module.setAnyExtensionsAllowed(anyExtension);
    module.setCustomExtensionDomains("http://hl7.no/fhir/StructureDefinition/");
    module.setErrorForUnknownProfiles(true);
    module.setAssumeValidRestReferences(true); // the type in a reference counts, though its target is not here
    return new FhirValidator(context)
        .setValidateAgainstStandardSchema(false)
        .setValidateAgainstStandardSchematron(false)
        .registerValidatorModule(module);
  }

  /** Definitions by canonical, questionnaires among them: an answered form is held against its questions. */
  private static final class Ours extends PrePopulatedValidationSupport {
    private final Map<String, Questionnaire> forms = new HashMap<>();

    Ours(FhirContext context) {
      super(context);
    }

    @Override
    public <T extends IBaseResource> T fetchResource(Class<T> type, String canonical) {
      Questionnaire form = forms.get(canonical);
      return type != null && type.isInstance(form) ? type.cast(form) : super.fetchResource(type, canonical);
    }
  }
}
