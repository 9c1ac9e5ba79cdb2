package org.ipfhir.conformance;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.parser.IParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.hl7.fhir.instance.model.api.IBaseResource;

/**
 * Writes the definitions of FHIR R4 that come with the validator as a FHIR package (hl7.fhir.r4.core), which SUSHI
 * needs and which is otherwise had from a package registry. One argument: the package's directory.
 */
public final class CorePackage {
  private static final String MANIFEST =
      """
      {"name": "hl7.fhir.r4.core", "version": "4.0.1", "fhirVersions": ["4.0.1"], "type": "Core", "dependencies": {}}
      """;

  private static final String ANY = "http://hl7.org/fhir/any";

  private CorePackage() {}

  public static void main(String[] arguments) throws IOException {
    Path directory = Files.createDirectories(Path.of(arguments[0]));
    FhirContext context = FhirContext.forR4Cached();
    IParser parser = context.newJsonParser();
    DefaultProfileValidationSupport core = new DefaultProfileValidationSupport(context);
    core.fetchAllStructureDefinitions(); // each kind is read when first asked for
    core.fetchCodeSystem(ANY);
    core.fetchValueSet(ANY);
    for (IBaseResource found : core.fetchAllConformanceResources()) {
      String id = found.getIdElement().getIdPart();
      if (id != null) {
        String name = "%s-%s.json".formatted(found.fhirType(), id);
        Files.writeString(directory.resolve(name), parser.encodeResourceToString(found));
      }
    }
    Files.writeString(directory.resolve("package.json"), MANIFEST); // last: with it the package is whole
  }
}
