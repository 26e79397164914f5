//! The data plane: a front before a real broker.
//!
//! Clients log in with SASL PLAIN, an API key and its secret; the front logs in at the broker as the owner of the
//! key, for whom it creates a SCRAM user. One broker looks like three: each has a port here, accepts new keys at its
//! own time, and leads some partitions. The front passes requests and answers on, and changes only what Confluent
//! Cloud does differently; see [`rewrite`], [`settings`] and [`principals`].

mod context;
mod limits;
mod principals;
mod rewrite;
mod settings;
mod upstream;
mod wire;

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use jiff::Timestamp;
use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey as Api, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
    },
    protocol::StrBytes,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use self::{context::Context, upstream::Upstream, wire::Head};
use super::server::{Shared, lock};

/// The front between clients and a broker.
pub(super) struct Front {
    pub(super) cluster: String,
    /// The ports of the simulated brokers.
    pub(super) ports: Vec<u16>,
    pub(super) world: Shared,
    /// The real broker.
    broker: String,
    admin: (String, String),
    /// The users that the front created at the broker, with their salted passwords.
    users: tokio::sync::Mutex<HashMap<String, Bytes>>,
    /// The time of creation of each topic that was created through this front.
    created: Mutex<HashMap<String, Timestamp>>,
    /// The time of deletion of each topic that the broker still has.
    deleted: Mutex<HashMap<String, Timestamp>>,
    tls: Option<TlsAcceptor>,
}

impl Front {
    pub(super) fn new(
        cluster: &str,
        ports: Vec<u16>,
        world: Shared,
        (broker, (user, password)): (&str, (&str, &str)),
        tls: Option<TlsAcceptor>,
    ) -> Self {
        Self {
            cluster: cluster.to_owned(),
            ports,
            world,
            broker: broker.to_owned(),
            admin: (user.to_owned(), password.to_owned()),
            users: tokio::sync::Mutex::default(),
            created: Mutex::default(),
            deleted: Mutex::default(),
            tls,
        }
    }

    /// Serves the clients of broker `number`, counted from 0, until it is dropped.
    pub(super) async fn serve(self: Arc<Self>, number: u32, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let front = self.clone();
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                // If a connection fails, it is closed; the client gets no other answer.
                let _ = match &front.tls {
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => front.connection(number, stream).await,
                        Err(error) => Err(error),
                    },
                    None => front.connection(number, stream).await,
                };
            });
        }
    }

    async fn connection<S: AsyncRead + AsyncWrite>(&self, number: u32, stream: S) -> io::Result<()> {
        let (mut from_client, mut to_client) = tokio::io::split(stream);
        let mut nobody = Upstream::connect(&self.broker).await?;
        let (upstream, is_admin) = loop {
            let frame = wire::receive(&mut from_client).await?;
            let head = Head::of(&frame)?;
            match head.api {
                Some(Api::ApiVersions) => {
                    wire::send(&mut nobody.stream, &frame).await?;
                    let answer = wire::receive(&mut nobody.stream).await?;
                    let answer = rewrite::answer(self, &head, Context::Nothing, answer);
                    wire::send(&mut to_client, &answer).await?;
                }
                Some(Api::SaslHandshake) => {
                    let asked: SaslHandshakeRequest = wire::request(&head, &frame)?;
                    let is_plain = asked.mechanism.as_str() == "PLAIN";
                    let error = if is_plain { 0 } else { ResponseError::UnsupportedSaslMechanism.code() };
                    let answer = SaslHandshakeResponse::default()
                        .with_error_code(error)
                        .with_mechanisms(vec![StrBytes::from_static_str("PLAIN")]);
                    wire::send(&mut to_client, &wire::encode(&head, &answer)?).await?;
                }
                Some(Api::SaslAuthenticate) => {
                    let asked: SaslAuthenticateRequest = wire::request(&head, &frame)?;
                    let Some(owner) = self.authenticate(number, &asked.auth_bytes) else {
                        let answer = SaslAuthenticateResponse::default()
                            .with_error_code(ResponseError::SaslAuthenticationFailed.code())
                            .with_error_message(Some(StrBytes::from_static_str("Authentication failed")));
                        wire::send(&mut to_client, &wire::encode(&head, &answer)?).await?;
                        return to_client.shutdown().await;
                    };
                    let is_admin = self.is_admin(&owner);
                    let upstream = self.log_in(&owner, is_admin).await?;
                    let answer = SaslAuthenticateResponse::default();
                    wire::send(&mut to_client, &wire::encode(&head, &answer)?).await?;
                    break (upstream, is_admin);
                }
                // A broker also closes the connection.
                _ => return Ok(()),
            }
        };
        let (mut from_broker, mut to_broker) = tokio::io::split(upstream.stream);
        let pending: Mutex<HashMap<i32, (Head, Context)>> = Mutex::default();
        let forth = async {
            loop {
                let frame = wire::receive(&mut from_client).await?;
                let head = Head::of(&frame)?;
                if let Some(api) = head.api {
                    *lock(&self.world).kafka.entry(format!("{api:?}")).or_default() += 1;
                }
                self.delete_what_is_due().await?;
                let (frame, context) = rewrite::request(self, &head, frame, is_admin).await?;
                if let Some(context) = context {
                    let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
                    pending.insert(head.correlation, (head, context));
                }
                wire::send(&mut to_broker, &frame).await?;
            }
        };
        let back = async {
            loop {
                let mut frame = wire::receive(&mut from_broker).await?;
                let correlation = wire::correlation(&frame)?;
                let known = pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&correlation);
                if let Some((head, context)) = known {
                    frame = rewrite::answer(self, &head, context, frame);
                }
                wire::send(&mut to_client, &frame).await?;
            }
        };
        tokio::select! { ended = forth => ended, ended = back => ended }
    }

    /// Returns the owner of the key in `\0key\0secret`, if broker `number` accepts the key.
    fn authenticate(&self, number: u32, plain: &[u8]) -> Option<String> {
        let mut parts = std::str::from_utf8(plain).ok()?.split('\0').skip(1);
        let (id, secret) = (parts.next()?, parts.next()?);
        let world = lock(&self.world);
        let key = world.org.authenticate(id, secret)?;
        let admitted = key.cluster.as_deref() == Some(&*self.cluster) && world.org.broker_knows(key, number);
        admitted.then(|| key.owner.clone())
    }

    /// Returns `true` if the owner of a key has all rights: users, and service accounts made administrators.
    fn is_admin(&self, owner: &str) -> bool {
        let world = lock(&self.world);
        let cluster = world.org.clusters.get(&self.cluster);
        owner.starts_with("u-") || cluster.is_some_and(|cluster| cluster.admins.iter().any(|a| a == owner))
    }

    /// Opens a connection to the broker as the owner of a key. Administrators use the broker's super user.
    async fn log_in(&self, owner: &str, is_admin: bool) -> io::Result<Upstream> {
        let (admin, password) = &self.admin;
        if is_admin {
            return Upstream::log_in(&self.broker, admin, password).await;
        }
        let known = self.users.lock().await.get(owner).cloned();
        if let Some(salted) = &known
            && let Ok(upstream) = Upstream::log_in_scram(&self.broker, owner, salted).await
        {
            return Ok(upstream);
        }
        let mut users = self.users.lock().await;
        let salted = match users.get(owner) {
            // Another connection has already created the user.
            Some(salted) if Some(salted) != known.as_ref() => salted.clone(),
            _ => {
                // The broker stores only a salted password, so any random bytes will do.
                let salted = Bytes::from(lock(&self.world).org.chance.word(b"0123456789abcdef", 64));
                self.admin().await?.upsert_user(owner, &salted).await?;
                users.insert(owner.to_owned(), salted.clone());
                salted
            }
        };
        drop(users);
        Upstream::log_in_scram(&self.broker, owner, &salted).await
    }

    /// Records the creation of a topic.
    fn note_topic(&self, name: &str) {
        let now = lock(&self.world).org.now();
        self.created.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), now);
    }

    /// Returns `true` if a topic is too new to be shown by brokers.
    fn is_unseen(&self, name: &str) -> bool {
        let created = self.created.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        created.is_some_and(|created| {
            let org = &lock(&self.world).org;
            !org.passed(created, org.behaviour.topics_seen_after)
        })
    }

    /// Records the deletion of a topic, which the front carries out later.
    fn note_deleted(&self, name: &str) {
        let now = lock(&self.world).org.now();
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_insert(now);
    }

    /// Deletes the recorded topics whose delay has passed.
    async fn delete_what_is_due(&self) -> io::Result<()> {
        let due: Vec<String> = {
            let org = &lock(&self.world).org;
            let mut deleted = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
            let is_due = |_: &String, at: &mut Timestamp| org.passed(*at, org.behaviour.topics_deleted_after);
            deleted.extract_if(is_due).map(|(name, _)| name).collect()
        };
        if due.is_empty() { Ok(()) } else { self.admin().await?.delete_topics(&due).await }
    }

    /// Opens a connection to the broker as its super user.
    async fn admin(&self) -> io::Result<Upstream> {
        Upstream::log_in(&self.broker, &self.admin.0, &self.admin.1).await
    }
}
