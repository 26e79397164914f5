import java.util.ArrayList;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.config.ConfigResource;

/** The floor with Kafka's own Java client: lists topics, describes all their settings and all ACLs, prints the counts. */
public class Floor {
    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        for (String arg : args) {
            String[] pair = arg.split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        try (Admin admin = Admin.create(settings)) {
            var acls = admin.describeAcls(AclBindingFilter.ANY);
            var resources = new ArrayList<ConfigResource>();
            for (String name : admin.listTopics().names().get()) {
                resources.add(new ConfigResource(ConfigResource.Type.TOPIC, name));
            }
            long values = 0;
            for (var config : admin.describeConfigs(resources).all().get().values()) {
                values += config.entries().size();
            }
            System.out.println(resources.size() + " " + values + " " + acls.values().get().size());
        }
    }
}
