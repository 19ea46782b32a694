// The HAPI FHIR client, unchanged: the round of a client's day, each step by the library's own call.
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.gclient.TokenClientParam;
import ca.uhn.fhir.rest.server.exceptions.ResourceGoneException;
import java.util.stream.Collectors;
import org.hl7.fhir.instance.model.api.IIdType;
import org.hl7.fhir.r4.model.*;

public class WithHapi {
  static final String SYSTEM = "urn:hapi";

  static void say(String name, Object value) { System.out.println(name + "=" + value); }

  static Organization named(String name) {
    Organization made = new Organization().setName(name);
    made.addIdentifier().setSystem(SYSTEM).setValue("1");
    return made;
  }

  public static void main(String[] args) {
    FhirContext context = FhirContext.forR4();
    context.getRestfulClientFactory().setSocketTimeout(60000);
    IGenericClient client = context.newRestfulGenericClient(args[0]);
    client.registerInterceptor(new BearerTokenAuthInterceptor(args[1]));
    var same = Organization.IDENTIFIER.exactly().systemAndIdentifier(SYSTEM, "1");

    MethodOutcome made = client.create().resource(named("Hapi")).execute();
    IIdType id = made.getId().toUnqualifiedVersionless();
    say("created", made.getCreated());
    say("read", client.read().resource(Organization.class).withId(id).execute().getName());
    say("vread", client.read().resource(Organization.class).withIdAndVersion(id.getIdPart(), "1").execute().getName());
    Bundle found = client.search().forResource(Organization.class).where(same).returnBundle(Bundle.class).execute();
    say("found", found.getEntryFirstRep().getResource().getIdElement().getIdPart().equals(id.getIdPart()));
    Organization changed = named("Hapi 2");
    changed.setId(id.withVersion("1"));  // it sends the version as If-Match
    say("updated", client.update().resource(changed).execute().getId()
        .getVersionIdPart());
    MethodOutcome again = client.create().resource(named("Hapi")).conditional().where(same).execute();
    say("conditionalCreate", again.getId().getIdPart().equals(id.getIdPart()));
    MethodOutcome conditional = client.update().resource(named("Hapi 3")).conditional().where(same).execute();
    say("conditionalUpdate", conditional.getId().getVersionIdPart());
    String steps = "[{\"op\":\"replace\",\"path\":\"/name\",\"value\":\"Hapi 4\"}]";
    say("jsonPatch", client.patch().withBody(steps).withId(id).execute().getId().getVersionIdPart());
    Parameters path = new Parameters();
    Parameters.ParametersParameterComponent operation = path.addParameter().setName("operation");
    operation.addPart().setName("type").setValue(new CodeType("replace"));
    operation.addPart().setName("path").setValue(new StringType("Organization.name"));
    operation.addPart().setName("value").setValue(new StringType("Hapi 5"));
    say("pathPatch", client.patch().withFhirPatch(path).withId(id).execute().getId().getVersionIdPart());
    say("conditionalPatch", client.patch().withBody(steps).conditional(Organization.class).where(same).execute()
        .getId().getVersionIdPart());

    Bundle transaction = new Bundle().setType(Bundle.BundleType.TRANSACTION);
    transaction.addEntry().setFullUrl("urn:uuid:6f0e4f0e-0d5b-4b64-8a0c-0a5a5f7f0031")
        .setResource(new Organization().setName("Parent"))
        .getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Organization");
    transaction.addEntry()
        .setResource(new Organization().setName("Child")
            .setPartOf(new Reference("urn:uuid:6f0e4f0e-0d5b-4b64-8a0c-0a5a5f7f0031")))
        .getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Organization");
    say("transaction", client.transaction().withBundle(transaction).execute().getEntry().stream()
        .map(entry -> entry.getResponse().getStatus().substring(0, 3)).collect(Collectors.joining(",")));
    say("history", client.history().onInstance(id).returnBundle(Bundle.class).execute().getEntry().size());
    OperationOutcome judged = (OperationOutcome) client.validate().resource(named("Hapi")).execute().getOperationOutcome();
    say("validated", judged.getIssueFirstRep().getSeverity().toCode());

    IIdType patient = client.create().resource(new Patient().addName(new HumanName().setFamily("Hapi"))).execute().getId();
    Bundle everything = client.operation().onInstance(patient.toUnqualifiedVersionless()).named("$everything")
        .withNoParameters(Parameters.class).returnResourceType(Bundle.class).execute();
    say("everything", everything.getEntryFirstRep().getResource().getIdElement().getIdPart().equals(patient.getIdPart()));
    Bundle all = client.search().byUrl(args[0] + "?_type=Patient,Organization&_count=2").returnBundle(Bundle.class).execute();
    say("several", all.getEntry().size() + "," + (all.getLink("next") != null));
    Binary file = new Binary();
    file.setContentType("text/plain").setData("a file".getBytes());
    IIdType binary = client.create().resource(file).execute().getId().toUnqualifiedVersionless();
    say("file", new String(client.read().resource(Binary.class).withId(binary).execute().getData()));

    client.delete().resourceConditionalByType(Organization.class).where(same).execute();
    try {
      client.read().resource(Organization.class).withId(id).execute();
    } catch (ResourceGoneException e) {
      say("gone", true);
    }
    client.delete().resourceById(patient.toUnqualifiedVersionless()).execute();
  }
}
