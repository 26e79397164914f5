use std::ffi::{CString, c_int};

use rdkafka::bindings::*;
use rdkafka::client::ClientContext;

use crate::admin::{Admin, Op};
use crate::error::{Error, ItemError};
use crate::ffi;
use crate::native::{Owned, Ref, array, c_string, check, getters, refused};
use crate::options::Options;

/// A resource with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigResource {
    /// The topic with this name.
    Topic(String),
    /// The broker with this id. A request may name only one broker, and is sent to that broker.
    Broker(i32),
    /// The consumer group with this name.
    Group(String),
}

/// Settings to read, and how much of each. The default: all settings, without synonyms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigQuery<'a> {
    /// Names of the settings to read, the same for every resource; `None` reads all. The broker leaves out names that
    /// it does not know. Reading few settings is far cheaper than reading all, above all for the broker.
    pub keys: Option<&'a [&'a str]>,
    /// `true` to fill [`ConfigEntry::synonyms`]. The broker sends synonyms in any case; `false` saves reading them.
    pub synonyms: bool,
    /// `true` to return only settings that are set on the resource itself. The broker sends all settings in any case;
    /// `true` saves reading the others.
    pub own: bool,
}

/// Source of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConfigSource {
    /// Set on the topic.
    Topic,
    /// Set on the broker at run time.
    Broker,
    /// Set as the default of all brokers at run time.
    DefaultBroker,
    /// Set in the file that the broker was started with.
    StaticBroker,
    /// Kafka's own default.
    Default,
    /// Set on the group.
    Group,
    /// Another source, by the protocol's number.
    Other(i32),
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Name of the setting.
    pub name: String,
    /// Value of the setting. `None` if the setting has no value, or if the broker hides it (see `sensitive`).
    pub value: Option<String>,
    /// Source of the value. Only `Topic` means that the topic sets the value itself; any other source is inherited.
    pub source: ConfigSource,
    /// `true` if the setting cannot be changed.
    pub read_only: bool,
    /// `true` if the broker never shows the value.
    pub sensitive: bool,
    /// Sources of the value in order of precedence; empty unless requested.
    pub synonyms: Vec<ConfigSynonym>,
}

/// A possible source of a setting's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// Name of the setting at this source, which may differ.
    pub name: String,
    /// Value at this source.
    pub value: Option<String>,
    /// The source.
    pub source: ConfigSource,
}

/// Changes of the settings of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigAlteration {
    /// The resource to change.
    pub resource: ConfigResource,
    /// The changes, one for each setting. Other settings stay as they are.
    pub changes: Vec<(String, ConfigOp)>,
}

/// A change of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigOp {
    /// Sets the value.
    Set(String),
    /// Resets the setting to the inherited value.
    Delete,
    /// Adds an element to a list.
    Append(String),
    /// Removes an element from a list.
    Subtract(String),
}

impl<C: ClientContext + 'static> Admin<C> {
    /// Returns the settings of resources (`rd_kafka_DescribeConfigs`).
    ///
    /// The results are in the order of `resources`, in which no resource may occur twice. librdkafka's cost grows with
    /// the square of the batch: about 2,000 topics in a request are best.
    ///
    /// librdkafka requests only chosen settings if they are added to the resource with
    /// `rd_kafka_ConfigResource_set_config`. This behaviour is not documented; it follows from the implementation (see
    /// `rd_kafka_DescribeConfigsRequest`).
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an empty name or a NUL character; [`Error::Request`].
    pub async fn describe_configs(
        &self,
        resources: &[ConfigResource],
        query: ConfigQuery<'_>,
        options: &Options,
    ) -> Result<Vec<Result<Vec<ConfigEntry>, ItemError>>, Error> {
        if resources.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let mut natives = Vec::with_capacity(resources.len());
            for (index, resource) in resources.iter().enumerate() {
                let native = resource.native(index)?;
                for key in query.keys.unwrap_or_default() {
                    let key = c_string(index, "setting", key)?;
                    // SAFETY: the resource is alive, the strings are copied.
                    let code =
                        unsafe { rd_kafka_ConfigResource_set_config(native.as_ptr(), key.as_ptr(), c"".as_ptr()) };
                    if code != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                        return Err(refused(index, "a setting without a name"));
                    }
                }
                natives.push(native);
            }
            // librdkafka would read an empty list of settings as "all settings".
            if query.keys.is_some_and(<[_]>::is_empty) {
                return Err(refused(0, "no settings asked for"));
            }
            let op =
                Op::new(rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT);
            let ConfigQuery { keys: _, synonyms, own } = query;
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the resources are copied.
                |to| unsafe {
                    rd_kafka_DescribeConfigs(to.client, array(&mut natives), natives.len(), to.options, to.queue);
                },
                move |event| Ok(event.described_configs().map(|resource| described(resource, synonyms, own)).collect()),
            )?
        };
        aligned(reply.get().await?, resources.len())
    }

    /// Changes single settings and leaves all others as they are (`rd_kafka_IncrementalAlterConfigs`).
    ///
    /// The results are in the order of `alterations`. The changes of one resource are made all or not at all. No
    /// resource may occur twice, and no setting twice within one resource.
    ///
    /// # Errors
    ///
    /// [`Error::Item`] for an empty name, no changes, or a NUL character; [`Error::Request`].
    pub async fn incremental_alter_configs(
        &self,
        alterations: &[ConfigAlteration],
        options: &Options,
    ) -> Result<Vec<Result<(), ItemError>>, Error> {
        if alterations.is_empty() {
            return Ok(Vec::new());
        }
        let reply = {
            let mut natives = alterations.iter().enumerate().map(alteration).collect::<Result<Vec<_>, _>>()?;
            let op = Op::new(
                rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS,
                RD_KAFKA_EVENT_INCREMENTALALTERCONFIGS_RESULT,
            );
            self.request(
                op,
                options,
                // SAFETY: everything is alive, the resources are copied.
                |to| unsafe {
                    let count = natives.len();
                    rd_kafka_IncrementalAlterConfigs(to.client, array(&mut natives), count, to.options, to.queue);
                },
                |event| Ok(event.altered_configs().map(|r| check(r.error(), r.error_message())).collect()),
            )?
        };
        aligned(reply.get().await?, alterations.len())
    }
}

/// Checks that there is an answer for each resource. librdkafka leaves out missing answers, and the remaining ones can
/// no longer be assigned to their resources.
fn aligned<T>(answers: Vec<T>, asked: usize) -> Result<Vec<T>, Error> {
    if answers.len() == asked {
        return Ok(answers);
    }
    const BAD_MSG: i32 = -199;
    let message = format!("the broker answered for {} of {asked} resources", answers.len());
    Err(Error::Request { error: ItemError::new(BAD_MSG, Some(message)), cause: None })
}

fn described(
    resource: Ref<'_, rd_kafka_ConfigResource_t>,
    synonyms: bool,
    own: bool,
) -> Result<Vec<ConfigEntry>, ItemError> {
    check(resource.error(), resource.error_message())?;
    let is_own = |entry: &Ref<'_, rd_kafka_ConfigEntry_t>| match ConfigSource::from_number(entry.source()) {
        ConfigSource::Topic | ConfigSource::Broker | ConfigSource::Group => true,
        ConfigSource::DefaultBroker | ConfigSource::StaticBroker | ConfigSource::Default | ConfigSource::Other(_) => {
            false
        }
    };
    Ok(resource
        .entries()
        .filter(|entry| !own || is_own(entry))
        .map(|entry| ConfigEntry {
            name: entry.name().unwrap_or_default(),
            value: entry.value(),
            source: ConfigSource::from_number(entry.source()),
            read_only: entry.is_read_only() == 1,
            sensitive: entry.is_sensitive() == 1,
            synonyms: if synonyms {
                entry.synonyms().map(Ref::<rd_kafka_ConfigEntry_t>::synonym).collect()
            } else {
                Vec::new()
            },
        })
        .collect())
}

fn alteration((index, alteration): (usize, &ConfigAlteration)) -> Result<Owned<rd_kafka_ConfigResource_t>, Error> {
    use rd_kafka_AlterConfigOpType_t::*;
    if alteration.changes.is_empty() {
        return Err(refused(index, "no changes"));
    }
    let native = alteration.resource.native(index)?;
    for (name, op) in &alteration.changes {
        let name = c_string(index, "setting", name)?;
        let (kind, value) = match op {
            ConfigOp::Set(value) => (RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, Some(value)),
            ConfigOp::Delete => (RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE, None),
            ConfigOp::Append(value) => (RD_KAFKA_ALTER_CONFIG_OP_TYPE_APPEND, Some(value)),
            ConfigOp::Subtract(value) => (RD_KAFKA_ALTER_CONFIG_OP_TYPE_SUBTRACT, Some(value)),
        };
        let value = value.map(|value| c_string(index, "value", value)).transpose()?;
        let value = value.as_ref().map_or(std::ptr::null(), |v: &CString| v.as_ptr());
        // SAFETY: the resource is alive, the strings are copied; the error, if any, is ours.
        let error = unsafe {
            Owned::new(rd_kafka_ConfigResource_add_incremental_config(native.as_ptr(), name.as_ptr(), kind, value))
        };
        if let Some(error) = error {
            return Err(refused(index, &error.view().message().unwrap_or_default()));
        }
    }
    Ok(native)
}

impl ConfigResource {
    fn native(&self, index: usize) -> Result<Owned<rd_kafka_ConfigResource_t>, Error> {
        use rd_kafka_ResourceType_t::*;
        let (kind, name) = match self {
            Self::Topic(name) => (RD_KAFKA_RESOURCE_TOPIC, c_string(index, "topic", name)?),
            Self::Broker(id) => (RD_KAFKA_RESOURCE_BROKER, c_string(index, "broker", &id.to_string())?),
            Self::Group(name) => (RD_KAFKA_RESOURCE_GROUP, c_string(index, "group", name)?),
        };
        // SAFETY: the name is copied, the new object is ours.
        unsafe { Owned::new(rd_kafka_ConfigResource_new(kind, name.as_ptr())) }
            .ok_or_else(|| refused(index, "a resource without a name"))
    }
}

impl ConfigSource {
    fn from_number(number: c_int) -> Self {
        match number {
            1 => Self::Topic,
            2 => Self::Broker,
            3 => Self::DefaultBroker,
            4 => Self::StaticBroker,
            5 => Self::Default,
            8 => Self::Group,
            other => Self::Other(other),
        }
    }
}

getters! {
    rd_kafka_event_t {
        list described_configs: rd_kafka_ConfigResource_t = rd_kafka_DescribeConfigs_result_resources;
        list altered_configs: rd_kafka_ConfigResource_t = rd_kafka_IncrementalAlterConfigs_result_resources;
    }
}

getters! {
    rd_kafka_ConfigResource_t {
        number error: c_int = ffi::rd_kafka_ConfigResource_error;
        text error_message = rd_kafka_ConfigResource_error_string;
        list entries: rd_kafka_ConfigEntry_t = rd_kafka_ConfigResource_configs;
    }
}

getters! {
    rd_kafka_ConfigEntry_t {
        text name = rd_kafka_ConfigEntry_name;
        text value = rd_kafka_ConfigEntry_value;
        number source: c_int = ffi::rd_kafka_ConfigEntry_source;
        number is_read_only: c_int = rd_kafka_ConfigEntry_is_read_only;
        number is_sensitive: c_int = rd_kafka_ConfigEntry_is_sensitive;
        list synonyms: rd_kafka_ConfigEntry_t = rd_kafka_ConfigEntry_synonyms;
    }
}

impl Ref<'_, rd_kafka_ConfigEntry_t> {
    fn synonym(self) -> ConfigSynonym {
        ConfigSynonym {
            name: self.name().unwrap_or_default(),
            value: self.value(),
            source: ConfigSource::from_number(self.source()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(changes: &[(&str, ConfigOp)]) -> String {
        let changes = changes.iter().map(|(name, op)| ((*name).to_owned(), op.clone())).collect();
        let change = ConfigAlteration { resource: ConfigResource::Topic("t".into()), changes };
        alteration((3, &change)).unwrap_err().to_string()
    }

    #[test]
    fn changes_are_built_one_by_one() {
        let changes = vec![
            ("retention.ms".into(), ConfigOp::Set("1".into())),
            ("cleanup.policy".into(), ConfigOp::Append("compact".into())),
            ("segment.ms".into(), ConfigOp::Delete),
            ("leader.replication.throttled.replicas".into(), ConfigOp::Subtract("0:1".into())),
        ];
        let change = ConfigAlteration { resource: ConfigResource::Topic("t".into()), changes };
        let native = alteration((0, &change)).unwrap();
        let entries = native.view().entries().map(|e| (e.name().unwrap(), e.value())).collect::<Vec<_>>();
        assert_eq!(
            entries,
            [
                ("retention.ms".into(), Some("1".into())),
                ("cleanup.policy".into(), Some("compact".into())),
                ("segment.ms".into(), None),
                ("leader.replication.throttled.replicas".into(), Some("0:1".into())),
            ]
        );
    }

    #[test]
    fn a_rejection_names_the_item() {
        assert_eq!(refusal(&[]), "item 3: no changes");
        assert_eq!(refusal(&[("", ConfigOp::Delete)]), "item 3: Config name mustn't be empty");
        assert_eq!(refusal(&[("a", ConfigOp::Set("\0".into()))]), r#"item 3: the value "\0" holds a NUL character"#);
        let empty = ConfigResource::Topic(String::new()).native(4).unwrap_err();
        assert_eq!(empty.to_string(), "item 4: a resource without a name");
    }

    #[test]
    fn sources_of_a_newer_broker_are_numbers() {
        assert_eq!(ConfigSource::from_number(1), ConfigSource::Topic);
        assert_eq!(ConfigSource::from_number(7), ConfigSource::Other(7));
        assert_eq!(ConfigSource::from_number(99), ConfigSource::Other(99));
    }
}
