//! From `confluentCloud` in `weir.yaml` to a client.

use weir_confluent::{ApiKey, ConfluentCloud, Control, Data, Options, Takes};
use weir_model::{ConfluentCloud as Entity, ConfluentKafka, ConfluentLimits, CredentialRef};
use weir_planning::Plane;
use weir_ports::PortError;

use crate::{Reach, credentials::KEY, source::Source};

/// Makes a client of the planes that are reached.
pub(crate) async fn open(cloud: &Entity, reach: &Reach, source: &Source<'_>) -> Result<ConfluentCloud, PortError> {
    ConfluentCloud::new(options(cloud, reach, source).await?)
}

async fn options(cloud: &Entity, reach: &Reach, source: &Source<'_>) -> Result<Options, PortError> {
    let Entity { environment, cluster, credentials, kafka, assigned_owner, limits, api } = cloud;
    let nothing = ConfluentKafka::default();
    let ConfluentKafka { credentials: kafka_credentials, bootstrap, endpoint, ca } = kafka.as_ref().unwrap_or(&nothing);
    let ConfluentLimits { partitions, acl_bindings } = limits.unwrap_or_default();
    let control = async || -> Result<Control, PortError> {
        let usual = Control::new(environment, key(credentials.as_ref(), "credentials", source).await?);
        Ok(Control {
            api: api.clone().unwrap_or(usual.api),
            assigned_owner: assigned_owner.clone(),
            endpoint: endpoint.clone(),
            bootstrap: bootstrap.clone(),
            takes: Takes { partitions, acls: acl_bindings },
            timeout: usual.timeout.min(source.patience),
            patience: source.patience,
            ..usual
        })
    };
    let data = async || -> Result<Data, PortError> {
        let ca = ca.as_ref().map(|ca| source.dir.join(ca));
        if let Some(ca) = ca.as_ref().filter(|ca| !ca.is_file()) {
            return Err(PortError::refused(format!("the CA file {} does not exist", ca.display())));
        }
        Ok(Data {
            bootstrap: bootstrap.clone(),
            ca,
            timeout: source.patience,
            account_ids: reach.accounts.clone(),
            ..Data::new(key(kafka_credentials.as_ref(), "kafka.credentials", source).await?)
        })
    };
    Ok(Options {
        cluster: cluster.clone(),
        control: if reach.planes.contains(&Plane::Control) { Some(control().await?) } else { None },
        data: if reach.planes.contains(&Plane::Data) { Some(data().await?) } else { None },
    })
}

async fn key(at: Option<&CredentialRef>, what: &str, source: &Source<'_>) -> Result<ApiKey, PortError> {
    let Some(at) = at else {
        return Err(PortError::refused(format!("`confluentCloud` has no `{what}`; write `{what}: {{env: NAME}}`")));
    };
    let (id, secret) = source.read(at, &KEY).await?;
    Ok(ApiKey { id, secret })
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::*;

    fn entity() -> Entity {
        let env = |name: &str| Some(CredentialRef { env: Some(name.to_owned()), key_vault: None });
        let kafka = ConfluentKafka { credentials: env("NONPROD_KAFKA"), ..ConfluentKafka::default() };
        Entity {
            environment: "env-x1".to_owned(),
            cluster: "lkc-a1".to_owned(),
            credentials: env("CONFLUENT_CLOUD"),
            kafka: Some(kafka),
            assigned_owner: None,
            limits: None,
            api: None,
        }
    }

    async fn options_of(cloud: &Entity, planes: &[Plane], variables: &[&str]) -> Result<Options, PortError> {
        let env = |name: &str| variables.iter().any(|known| name.starts_with(known)).then(|| format!("<{name}>"));
        let source = Source {
            env: &env,
            key_vault: None,
            hosts: Ok(weir_model::VaultHosts::default()),
            dir: Path::new("."),
            patience: Duration::from_secs(7),
        };
        let accounts = [("dev-billing".to_owned(), "sa-1".to_owned())].into();
        let reach = Reach { planes: planes.iter().copied().collect(), accounts };
        options(cloud, &reach, &source).await
    }

    #[tokio::test]
    async fn each_plane_needs_only_its_own_credentials() {
        let control = options_of(&entity(), &[Plane::Control], &["CONFLUENT_CLOUD"]).await.unwrap();
        assert!(control.data.is_none());
        let control = control.control.unwrap();
        assert_eq!((control.key.id.as_str(), control.api.as_str()), ("<CONFLUENT_CLOUD_API_KEY>", Control::API));
        let data = options_of(&entity(), &[Plane::Data], &["NONPROD_KAFKA"]).await.unwrap();
        assert!(data.control.is_none());
        let data = data.data.unwrap();
        assert_eq!((data.key.id.as_str(), data.account_ids.len()), ("<NONPROD_KAFKA_API_KEY>", 1));
        assert!(options_of(&entity(), &Plane::ALL, &["NONPROD_KAFKA", "CONFLUENT_CLOUD"]).await.is_ok());
    }

    #[tokio::test]
    async fn all_settings_of_the_file_are_used() {
        let kafka = ConfluentKafka { endpoint: Some("ap1".to_owned()), ..entity().kafka.unwrap() };
        let cloud = Entity {
            kafka: Some(kafka),
            assigned_owner: Some("sa-1".to_owned()),
            limits: Some(ConfluentLimits { partitions: Some(5), acl_bindings: Some(7) }),
            ..entity()
        };
        let control = options_of(&cloud, &[Plane::Control], &["CONFLUENT_CLOUD"]).await.unwrap().control.unwrap();
        assert_eq!((control.assigned_owner.as_deref(), control.endpoint.as_deref()), (Some("sa-1"), Some("ap1")));
        assert_eq!(control.takes, Takes { partitions: Some(5), acls: Some(7) });
        // New keys hold the same address, with every set of planes.
        let kafka = ConfluentKafka { bootstrap: Some("pkc-1:9092".to_owned()), ..entity().kafka.unwrap() };
        let cloud = Entity { kafka: Some(kafka), ..entity() };
        let control = options_of(&cloud, &[Plane::Control], &["CONFLUENT_CLOUD"]).await.unwrap().control.unwrap();
        assert_eq!(control.bootstrap.as_deref(), Some("pkc-1:9092"));
    }

    #[tokio::test]
    async fn errors_name_what_is_missing() {
        let bare = Entity { credentials: None, kafka: None, ..entity() };
        let ca = ConfluentKafka { ca: Some("absent.pem".to_owned()), ..entity().kafka.unwrap() };
        let said = [
            options_of(&entity(), &[Plane::Control], &["NONPROD_KAFKA"]).await,
            options_of(&entity(), &[Plane::Data], &["CONFLUENT_CLOUD"]).await,
            options_of(&bare, &[Plane::Control], &[]).await,
            options_of(&bare, &[Plane::Data], &[]).await,
            options_of(&Entity { kafka: Some(ca), ..entity() }, &[Plane::Data], &["NONPROD_KAFKA"]).await,
        ]
        .map(|options| options.unwrap_err().message);
        insta::assert_snapshot!(said.join("\n"), @r"
        the environment variable CONFLUENT_CLOUD_API_KEY is not set; `credentials: {env: CONFLUENT_CLOUD}` needs it
        the environment variable NONPROD_KAFKA_API_KEY is not set; `credentials: {env: NONPROD_KAFKA}` needs it
        `confluentCloud` has no `credentials`; write `credentials: {env: NAME}`
        `confluentCloud` has no `kafka.credentials`; write `kafka.credentials: {env: NAME}`
        the CA file ./absent.pem does not exist
        ");
    }
}
