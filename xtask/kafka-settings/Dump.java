import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.kafka.server.config.ServerTopicConfigSynonyms;
import org.apache.kafka.storage.internals.log.LogConfig;

/**
 * Prints the topic settings of the Apache Kafka on the class path as JSON: the content of
 * crates/weir-model/data/topic-settings.json. `cargo xtask kafka-settings` runs it.
 */
public class Dump {
    public static void main(String[] args) {
        Map<String, ConfigDef.ConfigKey> keys = new TreeMap<>(LogConfig.configKeys());
        StringBuilder out = new StringBuilder("{\n  \"source\": ");
        out.append(text("Apache Kafka " + AppInfoParser.getVersion())).append(",\n  \"settings\": [");
        String comma = "\n";
        for (ConfigDef.ConfigKey key : keys.values()) {
            if (key.internalConfig) {
                continue;
            }
            out.append(comma).append("    {\"name\": ").append(text(key.name));
            out.append(", \"type\": ").append(text(key.type.name().toLowerCase()));
            Object value = key.hasDefault() ? ConfigDef.convertToString(key.defaultValue, key.type) : null;
            out.append(",\n     \"default\": ").append(text(value));
            out.append(", \"valid\": ").append(text(key.validator));
            out.append(",\n     \"importance\": ").append(text(key.importance.name().toLowerCase()));
            String server = ServerTopicConfigSynonyms.TOPIC_CONFIG_SYNONYMS.get(key.name);
            out.append(", \"serverDefault\": ").append(text(server));
            out.append(",\n     \"documentation\": ").append(text(key.documentation)).append("}");
            comma = ",\n";
        }
        System.out.println(out.append("\n  ]\n}"));
    }

    private static String text(Object value) {
        if (value == null) {
            return "null";
        }
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : value.toString().toCharArray()) {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append(String.format("\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
