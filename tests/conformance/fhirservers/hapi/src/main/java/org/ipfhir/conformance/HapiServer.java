package org.ipfhir.conformance;

import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.packages.IPackageInstallerSvc;
import ca.uhn.fhir.jpa.packages.PackageInstallationSpec;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import ca.uhn.fhir.validation.IValidatorModule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * HAPI's FHIR R4 server on loopback, with an empty database in memory: {@code java -jar hapi.jar [validate] [FILE.tgz]}.
 * Prints {@code READY} and its base once it answers. With {@code validate} it refuses what is invalid. A FHIR package is
 * installed before, and {@code INSTALLED} printed for each type of its resources, with their number.
 */
public final class HapiServer {

    private static final List<String> TYPES = List.of(
            "CodeSystem",
            "ValueSet",
            "StructureDefinition",
            "NamingSystem",
            "SearchParameter",
            "OperationDefinition",
            "Questionnaire",
            "CapabilityStatement");

    private HapiServer() {}

    public static void main(String[] args) throws Exception {
        ApplicationContext context = new AnnotationConfigApplicationContext(Storage.class);
        for (String file : args) {
            if (file.endsWith(".tgz")) {
                install(context, Path.of(file));
            }
        }
        var jetty = new Server();
        var connector = new ServerConnector(jetty);
        connector.setHost("127.0.0.1");
        jetty.addConnector(connector);
        var handler = new ServletContextHandler();
        handler.setContextPath("/");
        var holder = new ServletHolder(fhir(context, List.of(args).contains("validate")));
        holder.setInitOrder(1);
        handler.addServlet(holder, "/fhir/*");
        jetty.setHandler(handler);
        jetty.start();
        System.out.printf("READY http://127.0.0.1:%d/fhir%n", connector.getLocalPort());
        jetty.join();
    }

    /** Stores every resource of a package, its examples excepted. An error of one ends the program. */
    private static void install(ApplicationContext context, Path file) throws IOException {
        String[] named = file.getFileName().toString().replace(".tgz", "").split("-(?=\\d)", 2);
        var wanted = new PackageInstallationSpec()
                .setName(named[0])
                .setVersion(named[1])
                .setPackageContents(Files.readAllBytes(file))
                .setInstallMode(PackageInstallationSpec.InstallModeEnum.STORE_AND_INSTALL)
                .setFetchDependencies(false);
        wanted.setInstallResourceTypes(TYPES);
        var outcome = context.getBean(IPackageInstallerSvc.class).install(wanted);
        outcome.getResourcesInstalled().forEach((type, number) -> System.out.printf("INSTALLED %s %d%n", type, number));
    }

    private static RestfulServer fhir(ApplicationContext context, boolean validate) {
        IFhirSystemDao<?, ?> system = context.getBean(IFhirSystemDao.class);
        var server = new RestfulServer(system.getContext());
        server.registerProviders(context.getBean(ResourceProviderFactory.class).createProviders());
        server.registerProvider(context.getBean(IJpaSystemProvider.class));
        server.setPagingProvider(context.getBean(DatabaseBackedPagingProvider.class));
        server.setServerConformanceProvider(new JpaCapabilityStatementProvider(
                server,
                system,
                context.getBean(JpaStorageSettings.class),
                context.getBean(ISearchParamRegistry.class),
                context.getBean(IValidationSupport.class)));
        if (validate) {
            server.registerInterceptor(new Judge(context.getBean(IValidatorModule.class)));
        }
        return server;
    }
}
