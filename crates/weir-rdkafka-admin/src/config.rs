use std::ffi::{CString, c_int};

use rdkafka::bindings::*;
use rdkafka::client::ClientContext;

use crate::admin::{Admin, Op};
use crate::error::{Error, ItemError};
use crate::ffi;
use crate::native::{Owned, Ref, array, c_string, check, getters, refused};
use crate::options::Options;

/// What has a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConfigResource {
    /// The topic of this name.
    Topic(String),
    /// The broker of this id. A request may name only one, and goes to it.
    Broker(i32),
    /// The consumer group of this name.
    Group(String),
}

/// Which settings are asked for, and how fully. The default: all, without synonyms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigQuery<'a> {
    /// The names of the settings, for every resource asked; `None` is all. The broker leaves out names it does not
    /// know. Asking for few is far cheaper than asking for all, above all for the broker.
    pub keys: Option<&'a [&'a str]>,
    /// Whether [`ConfigEntry::synonyms`] is wanted. (They are sent anyway; this saves reading them.)
    pub synonyms: bool,
    /// Whether only what is set on the resource itself is wanted. (All is sent; this saves reading it.)
    pub own: bool,
}

/// Where a setting's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConfigSource {
    /// Set on the topic.
    Topic,
    /// Set on the broker while it runs.
    Broker,
    /// Set as the default of all brokers while they run.
    DefaultBroker,
    /// In the file the broker was started with.
    StaticBroker,
    /// Kafka's own default.
    Default,
    /// Set on the group.
    Group,
    /// Another one, by the protocol's number.
    Other(i32),
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// The setting.
    pub name: String,
    /// Its value. `None` if it has none or it is not shown (see `sensitive`).
    pub value: Option<String>,
    /// Where the value comes from. `Topic` alone is the topic's own; anything else is inherited.
    pub source: ConfigSource,
    /// Whether it cannot be changed.
    pub read_only: bool,
    /// Whether its value is never shown.
    pub sensitive: bool,
    /// Where the value is looked for, in that order; empty unless asked for.
    pub synonyms: Vec<ConfigSynonym>,
}

/// A place where the value of a setting may come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The setting there, which may have another name.
    pub name: String,
    /// Its value there.
    pub value: Option<String>,
    /// The place.
    pub source: ConfigSource,
}

/// Changes of the settings of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigAlteration {
    /// Whose.
    pub resource: ConfigResource,
    /// The changes: one for each setting. Other settings stay as they are.
    pub changes: Vec<(String, ConfigOp)>,
}

/// A change of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigOp {
    /// Sets the value.
    Set(String),
    /// Goes back to the inherited value.
    Delete,
    /// Adds to a list.
    Append(String),
    /// Takes from a list.
    Subtract(String),
}

impl<C: ClientContext + 'static> Admin<C> {
    /// The settings of resources (`rd_kafka_DescribeConfigs`).
    ///
    /// Answers for each in the order given. A resource must not be named twice. librdkafka's cost grows with the
    /// square of the batch: about 2,000 topics in a request are best.
    ///
    /// That librdkafka asks for chosen settings only, when they are added to the resource with
    /// `rd_kafka_ConfigResource_set_config`, is not in its documentation, but how it is built (see
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
            // For librdkafka, no settings are all settings.
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

    /// Changes settings one by one, leaving all others as they are (`rd_kafka_IncrementalAlterConfigs`).
    ///
    /// Answers for each resource in the order given; the changes of one resource are made all or not at all. A
    /// resource must not be named twice, nor a setting within one.
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

/// librdkafka leaves holes where the broker gave no answer; they cannot be assigned any more.
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
    fn what_librdkafka_does_not_take_names_the_item() {
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
