package org.ipfhir.conformance;

import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import ca.uhn.fhir.validation.IValidatorModule;
import java.util.List;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * HAPI's FHIR R4 server on loopback, with an empty database in memory: {@code java -jar hapi.jar [validate]}. Prints
 * {@code READY} and its base once it answers. With {@code validate} it refuses what is invalid.
 */
public final class HapiServer {

    private HapiServer() {}

    public static void main(String[] args) throws Exception {
        var jetty = new Server();
        var connector = new ServerConnector(jetty);
        connector.setHost("127.0.0.1");
        jetty.addConnector(connector);
        var handler = new ServletContextHandler();
        handler.setContextPath("/");
        var holder = new ServletHolder(fhir(List.of(args).contains("validate")));
        holder.setInitOrder(1);
        handler.addServlet(holder, "/fhir/*");
        jetty.setHandler(handler);
        jetty.start();
        System.out.printf("READY http://127.0.0.1:%d/fhir%n", connector.getLocalPort());
        jetty.join();
    }

    private static RestfulServer fhir(boolean validate) {
        ApplicationContext context = new AnnotationConfigApplicationContext(Storage.class);
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
