//! Requests with librdkafka and the thinnest of wrappers, in batches of the best size.

use anyhow::{Context, Result, ensure};
use futures::future::{try_join, try_join_all};
use weir_rdkafka_admin::{
    AclBinding, AclFilter, AclOperation, Admin, ConfigQuery, ConfigResource, NewTopic, Options, PatternType,
    Permission, ResourceType, ScramAlteration, ScramMechanism, rdkafka::ClientConfig,
};

use super::{Scale, TIMEOUT, files};

/// Number of topics per request to describe. librdkafka's work on an answer grows with the square of this number.
const DESCRIBED: usize = 2_000;
/// Number of topics, and of ACLs, per request to create.
const TOPICS: usize = 500;
const ACLS: usize = 1_000;

fn options() -> Options {
    Options::new().request_timeout(TIMEOUT)
}

/// Lists topics, describes all their settings and all ACLs, with as many requests in flight as possible. Returns the
/// numbers of topics, settings and ACLs.
pub(super) async fn read(client: &ClientConfig) -> Result<[usize; 3]> {
    let admin = Admin::new(client)?;
    let options = options();
    let settings = async {
        let metadata = admin.client().fetch_metadata(None, TIMEOUT).context("cannot list topics")?;
        let topics: Vec<_> = metadata.topics().iter().map(|t| ConfigResource::Topic(t.name().to_owned())).collect();
        let requests = topics.chunks(DESCRIBED).map(|c| admin.describe_configs(c, ConfigQuery::default(), &options));
        let answers = try_join_all(requests).await?;
        Ok::<_, anyhow::Error>((topics.len(), answers.iter().flatten().flatten().map(Vec::len).sum()))
    };
    let any = AclFilter::any();
    let acls = async { Ok(admin.describe_acls(&any, &options).await?) };
    let (acls, (topics, settings)) = try_join(acls, settings).await?;
    Ok([topics, settings, acls.len()])
}

/// Creates the topics and ACLs of the workspace, and waits only for the answers.
pub(super) async fn write(client: &ClientConfig, scale: Scale) -> Result<()> {
    let admin = Admin::new(client)?;
    let topics: Vec<NewTopic> = (0..scale.topics)
        .map(|index| NewTopic {
            name: files::topic(index),
            partitions: Some(1),
            replication_factor: Some(1),
            config: files::settings(index).map(|(name, value)| (name.to_owned(), value)).into(),
        })
        .collect();
    for chunk in topics.chunks(TOPICS) {
        admin.create_topics(chunk, &options()).await?.into_iter().collect::<Result<(), _>>()?;
    }
    let acls: Vec<AclBinding> = files::grants(scale)
        .map(|(account, topic)| AclBinding {
            resource_type: ResourceType::Topic,
            name: topic,
            pattern: PatternType::Literal,
            principal: format!("User:{account}"),
            host: "*".to_owned(),
            operation: AclOperation::Write,
            permission: Permission::Allow,
        })
        .collect();
    for chunk in acls.chunks(ACLS) {
        admin.create_acls(chunk, &options()).await?.into_iter().collect::<Result<(), _>>()?;
    }
    Ok(())
}

/// Creates SCRAM users that belong to no account of the workspace.
pub(super) async fn users(client: &ClientConfig, count: usize) -> Result<()> {
    let admin = Admin::new(client)?;
    let names: Vec<String> = (0..count).map(|index| format!("foreign-{index}")).collect();
    let (mechanism, iterations) = (ScramMechanism::Sha512, 4_096);
    let upserts: Vec<_> = names
        .iter()
        .map(|user| ScramAlteration::Upsert { user, mechanism, iterations, password: b"not-used", salt: None })
        .collect();
    let answers = admin.alter_scram_credentials(&upserts, &options()).await?;
    ensure!(answers.iter().all(Result::is_ok), "some users were not created");
    Ok(())
}
