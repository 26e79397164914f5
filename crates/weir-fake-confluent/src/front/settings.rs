//! Settings of topics and brokers.

use std::io;

use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest,
        describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsSynonym},
        incremental_alter_configs_response::AlterConfigsResourceResponse,
    },
    protocol::StrBytes,
};

use super::{
    Front,
    context::{Context, FACTOR},
};
use crate::{
    server::lock,
    settings::{EDITABLE, PHANTOMS},
};

/// The resource type of a topic in messages about settings.
pub(super) const TOPIC: i8 = 2;
/// The resource type of a broker in messages about settings.
const BROKER: i8 = 4;
/// The source of a setting that was set for the topic, in answers.
const DYNAMIC_TOPIC_CONFIG: i8 = 1;

/// Returns `true` if a change of a topic's setting is accepted and ignored.
pub(super) fn is_ignored(front: &Front, name: &str) -> bool {
    let behaviour = &lock(&front.world).org.behaviour;
    let read_only = behaviour.read_only_settings && !EDITABLE.contains(&name) && !PHANTOMS.iter().any(|p| p.0 == name);
    read_only || behaviour.ignored_settings.contains(name)
}

pub(super) async fn alter_configs(
    front: &Front,
    request: &mut IncrementalAlterConfigsRequest,
) -> io::Result<Vec<AlterConfigsResourceResponse>> {
    let mut refused = Vec::new();
    let mut passed = Vec::new();
    for mut resource in std::mem::take(&mut request.resources) {
        if resource.resource_type == TOPIC {
            resource.configs.retain(|change| !is_ignored(front, &change.name));
            let both = resource.configs.iter().any(|change| {
                let value = change.value.as_deref().unwrap_or_default();
                change.name.as_str() == "cleanup.policy" && value.contains("compact") && value.contains("delete")
            });
            if both {
                let policy = front.admin().await?.topic_setting(&resource.resource_name, "cleanup.policy").await?;
                if policy.as_deref() == Some("delete") {
                    let why = "cleanup.policy cannot change from delete to compact,delete: change it to compact first";
                    refused.push(
                        AlterConfigsResourceResponse::default()
                            .with_error_code(ResponseError::PolicyViolation.code())
                            .with_error_message(Some(StrBytes::from_static_str(why)))
                            .with_resource_type(TOPIC)
                            .with_resource_name(resource.resource_name),
                    );
                    continue;
                }
            }
        }
        passed.push(resource);
    }
    request.resources = passed;
    Ok(refused)
}

pub(super) fn describe_configs(request: &mut DescribeConfigsRequest) -> Context {
    let mut meant = None;
    let mut phantoms = false;
    for resource in &mut request.resources {
        if resource.resource_type == BROKER && !resource.resource_name.is_empty() {
            meant = Some(std::mem::replace(&mut resource.resource_name, StrBytes::from_static_str("1")));
        }
        let keys = resource.configuration_keys.as_ref();
        phantoms |= keys.is_none_or(|keys| keys.iter().any(|key| PHANTOMS.iter().any(|p| p.0 == key.as_str())));
    }
    Context::Settings { broker: meant, phantoms, synonyms: request.include_synonyms }
}

/// Changes the answer. `phantom` is `Some` if phantom settings were asked for, and says whether to add synonyms.
pub(super) fn described_configs(
    front: &Front,
    answer: &mut DescribeConfigsResponse,
    meant: Option<&StrBytes>,
    phantom: Option<bool>,
) {
    let behaviour = lock(&front.world).org.behaviour.clone();
    for result in answer.results.iter_mut().filter(|result| result.error_code == 0) {
        if result.resource_type == TOPIC && front.is_unseen(&result.resource_name) {
            result.error_code = ResponseError::UnknownTopicOrPartition.code();
            result.configs.clear();
            continue;
        }
        match (result.resource_type, meant) {
            (BROKER, Some(meant)) => {
                result.resource_name = meant.clone();
                for entry in result.configs.iter_mut().filter(|e| e.name.as_str() == "default.replication.factor") {
                    entry.value = Some(FACTOR.to_string().into());
                }
            }
            (TOPIC, _) => {
                for entry in result.configs.iter_mut().filter(|_| behaviour.read_only_settings) {
                    entry.read_only |= !EDITABLE.contains(&entry.name.as_str());
                }
                if let Some(synonyms) = phantom.filter(|_| behaviour.phantom_settings) {
                    result.configs.extend(PHANTOMS.map(|(name, value)| phantom_entry(name, value, synonyms)));
                }
            }
            _ => {}
        }
    }
}

fn phantom_entry(name: &'static str, value: &'static str, synonyms: bool) -> DescribeConfigsResourceResult {
    let (name, value) = (StrBytes::from_static_str(name), Some(StrBytes::from_static_str(value)));
    let itself = DescribeConfigsSynonym::default()
        .with_name(name.clone())
        .with_value(value.clone())
        .with_source(DYNAMIC_TOPIC_CONFIG);
    DescribeConfigsResourceResult::default()
        .with_name(name)
        .with_value(value)
        .with_config_source(DYNAMIC_TOPIC_CONFIG)
        .with_synonyms(if synonyms { vec![itself] } else { Vec::new() })
}
