//! A connection to the real broker.

use std::{collections::BTreeMap, io, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use kafka_protocol::{
    messages::{
        AlterUserScramCredentialsRequest, ApiKey, DeleteTopicsRequest, DescribeAclsRequest, DescribeConfigsRequest,
        MetadataRequest, RequestHeader, SaslAuthenticateRequest, SaslHandshakeRequest, TopicName,
        alter_user_scram_credentials_request::ScramCredentialUpsertion,
        describe_configs_request::DescribeConfigsResource,
    },
    protocol::{Decodable, Encodable, Request, StrBytes},
};
use ring::{digest, hmac};
use tokio::net::TcpStream;

use super::wire::{self, Head};

/// The number of SCRAM-SHA-512 in Kafka's messages.
const SHA_512: i8 = 2;
/// The fewest iterations that a broker accepts. More would only slow the tests.
const ITERATIONS: i32 = 4096;

/// A connection to the real broker.
pub(super) struct Upstream {
    pub(super) stream: TcpStream,
    correlation: i32,
}

impl Upstream {
    pub(super) async fn connect(broker: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(broker).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, correlation: 0 })
    }

    /// Logs in with PLAIN.
    pub(super) async fn log_in(broker: &str, user: &str, password: &str) -> io::Result<Self> {
        let mut upstream = Self::connect(broker).await?;
        upstream.handshake("PLAIN").await?;
        upstream.authenticate(format!("\0{user}\0{password}")).await?;
        Ok(upstream)
    }

    /// Logs in with SCRAM-SHA-512 (RFC 5802) and the salted password. Tries again while the broker does not know a
    /// new user.
    pub(super) async fn log_in_scram(broker: &str, user: &str, salted: &[u8]) -> io::Result<Self> {
        let mut tries = 0;
        loop {
            match Self::scram(broker, user, salted).await {
                Err(_) if tries < 100 => tokio::time::sleep(Duration::from_millis(20)).await,
                ended => return ended,
            }
            tries += 1;
        }
    }

    async fn scram(broker: &str, user: &str, salted: &[u8]) -> io::Result<Self> {
        let mut upstream = Self::connect(broker).await?;
        upstream.handshake("SCRAM-SHA-512").await?;
        // The nonce is fixed and the server's proof is not checked, since loopback needs no protection.
        let bare = format!("n={user},r=front");
        let challenge = upstream.authenticate(format!("n,,{bare}")).await?;
        let challenge = std::str::from_utf8(&challenge).map_err(io::Error::other)?;
        let nonce = challenge.split(',').next().unwrap_or_default();
        let without_proof = format!("c=biws,{nonce}");
        let said = format!("{bare},{challenge},{without_proof}");
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), text);
        let client_key = sign(salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA512, client_key.as_ref());
        let signature = sign(stored_key.as_ref(), said.as_bytes());
        let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        upstream.authenticate(format!("{without_proof},p={}", BASE64_STANDARD.encode(proof))).await?;
        Ok(upstream)
    }

    async fn handshake(&mut self, mechanism: &'static str) -> io::Result<()> {
        let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism));
        refused(self.call(1, request).await?.error_code)
    }

    async fn authenticate(&mut self, text: String) -> io::Result<Bytes> {
        let answer = self.call(1, SaslAuthenticateRequest::default().with_auth_bytes(text.into())).await?;
        refused(answer.error_code)?;
        Ok(answer.auth_bytes)
    }

    /// Creates a user with a salted password; no password in plain text exists.
    pub(super) async fn upsert_user(&mut self, user: &str, salted: &Bytes) -> io::Result<()> {
        let upsertion = ScramCredentialUpsertion::default()
            .with_name(user.to_owned().into())
            .with_mechanism(SHA_512)
            .with_iterations(ITERATIONS)
            .with_salt(Bytes::from_static(b"salt"))
            .with_salted_password(salted.clone());
        let request = AlterUserScramCredentialsRequest::default().with_upsertions(vec![upsertion]);
        let answer = self.call(0, request).await?;
        answer.results.iter().try_for_each(|result| refused(result.error_code))
    }

    /// Returns the value of a topic's setting.
    pub(super) async fn topic_setting(&mut self, topic: &StrBytes, name: &'static str) -> io::Result<Option<String>> {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(super::settings::TOPIC)
            .with_resource_name(topic.clone())
            .with_configuration_keys(Some(vec![StrBytes::from_static_str(name)]));
        let answer = self.call(4, DescribeConfigsRequest::default().with_resources(vec![resource])).await?;
        let entry = answer.results.into_iter().flat_map(|result| result.configs).next();
        Ok(entry.and_then(|entry| entry.value).map(|value| value.as_str().to_owned()))
    }

    /// Deletes topics, and ignores topics that no longer exist.
    pub(super) async fn delete_topics(&mut self, names: &[String]) -> io::Result<()> {
        let names = names.iter().map(|name| TopicName(name.clone().into())).collect();
        let request = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(10_000);
        self.call(5, request).await.map(drop)
    }

    /// Returns the number of partitions of each topic.
    pub(super) async fn partitions(&mut self) -> io::Result<BTreeMap<String, u32>> {
        let answer = self.call(9, MetadataRequest::default().with_topics(None)).await?;
        let topics = answer.topics.into_iter().filter_map(|topic| {
            let partitions = u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX);
            Some((topic.name?.to_string(), partitions))
        });
        Ok(topics.collect())
    }

    /// Returns the number of ACL bindings.
    pub(super) async fn bindings(&mut self) -> io::Result<usize> {
        // Matches any resource, pattern, operation and permission.
        const ANY: i8 = 1;
        let request = DescribeAclsRequest::default()
            .with_resource_type_filter(ANY)
            .with_pattern_type_filter(ANY)
            .with_operation(ANY)
            .with_permission_type(ANY);
        let answer = self.call(3, request).await?;
        Ok(answer.resources.iter().map(|resource| resource.acls.len()).sum())
    }

    async fn call<R: Request + Encodable>(&mut self, version: i16, request: R) -> io::Result<R::Response>
    where
        R::Response: Decodable,
    {
        self.correlation += 1;
        let api = ApiKey::try_from(R::KEY).ok();
        let head = Head { api, version, correlation: self.correlation };
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("front")));
        wire::send(&mut self.stream, &wire::encode_request(&header, &head, &request)?).await?;
        wire::answer(&head, &wire::receive(&mut self.stream).await?)
    }
}

fn refused(code: i16) -> io::Result<()> {
    match code {
        0 => Ok(()),
        code => Err(io::Error::other(format!("the broker answers error {code}"))),
    }
}
