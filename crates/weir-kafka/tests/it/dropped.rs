//! Errors that librdkafka drops: an answer about bindings that is an error, but looks like an empty list.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use weir_kafka::{Kafka, Options};
use weir_model::{Operation, PatternType, Permission, Resource};
use weir_planning::{Acl, Change, Host, Principal};
use weir_ports::{Cluster as _, ErrorKind, Query};
use weir_testkit::Broker;

use crate::conforms::upsert;

const DESCRIBE_ACLS: i16 = 29;

/// A proxy between clients and a broker. While `left` is not zero, it replaces answers about bindings by errors.
struct Between {
    address: String,
    upstream: Arc<Mutex<String>>,
    left: Arc<AtomicUsize>,
}

impl Between {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (upstream, left) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
        let between = Self { address, upstream: Arc::clone(&upstream), left: Arc::clone(&left) };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(broker) = TcpStream::connect(upstream.lock().unwrap().as_str()) else { continue };
                let asked = Arc::new(Mutex::new(BTreeMap::new()));
                let (requests, answers) = ((client.try_clone(), broker.try_clone()), (broker, client));
                let (noted, left) = (Arc::clone(&asked), Arc::clone(&left));
                thread::spawn(move || {
                    if let (Ok(from), Ok(to)) = requests {
                        pass(from, to, |frame| {
                            if number(frame) == DESCRIBE_ACLS {
                                noted.lock().unwrap().insert(frame[4..8].to_vec(), number(&frame[2..]));
                            }
                        });
                    }
                });
                thread::spawn(move || {
                    pass(answers.0, answers.1, |frame| {
                        let Some(version) = asked.lock().unwrap().remove(&frame[..4]) else { return };
                        let take = |left: usize| left.checked_sub(1);
                        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
                            // No throttling, error "unknown server error", no message, no resources.
                            let error: &[u8] = match version {
                                0 | 1 => &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
                                _ => &[0, 0, 0, 0, 0, 0xff, 0xff, 0, 1, 0],
                            };
                            frame.truncate(4);
                            frame.extend(error);
                        }
                    });
                });
            }
        });
        between
    }
}

fn number(bytes: &[u8]) -> i16 {
    i16::from_be_bytes([bytes[0], bytes[1]])
}

/// Passes frames on until either side closes its connection.
fn pass(mut from: TcpStream, mut to: TcpStream, mut look: impl FnMut(&mut Vec<u8>)) {
    let mut size = [0; 4];
    while from.read_exact(&mut size).is_ok() {
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(size)).unwrap()];
        if from.read_exact(&mut frame).is_err() {
            break;
        }
        look(&mut frame);
        let size = u32::try_from(frame.len()).unwrap().to_be_bytes();
        if to.write_all(&[&size, &*frame].concat()).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_about_bindings_is_not_taken_for_an_empty_list() {
    let between = Between::start();
    let Some(broker) = Broker::start(&["--advertise", &between.address]) else { return };
    *between.upstream.lock().unwrap() = broker.bootstrap().to_owned();
    let through = |user: &str, password: &str| {
        let bootstrap = between.address.clone();
        Kafka::new(Options { bootstrap, ..crate::options(&broker, user, password) }).unwrap()
    };
    let (user, password) = broker.admin();
    let admin = through(user, password);
    upsert(&broker, "weir", "secret").await;
    let grant = |name: &str, resource, operation| Change::CreateAcl {
        principal: Principal::of_account(name),
        acl: Acl {
            resource,
            pattern: PatternType::Literal,
            name: if resource == Resource::Cluster { Acl::CLUSTER_NAME } else { "t" }.into(),
            operation,
            permission: Permission::Allow,
            host: Host::Any,
        },
    };
    let changes = [
        grant("weir", Resource::Cluster, Operation::Describe),
        grant("weir", Resource::Cluster, Operation::DescribeConfigs),
        grant("application", Resource::Topic, Operation::Read),
    ];
    for answer in admin.apply(&changes.iter().collect::<Vec<_>>()).await {
        answer.unwrap();
    }
    let weir = through("weir", "secret");
    let mut query = Query::default();
    query.accounts.names.insert("application".to_owned());
    let seen = async |kafka: &Kafka| kafka.observe(&query).await.map(|seen| seen.acls.contains_key("User:application"));
    crate::eventually("the bindings", async || matches!(seen(&weir).await, Ok(true))).await;

    // The bindings of the account, of the client, and of `User:*` are all listed again.
    for kafka in [&weir, &admin] {
        between.left.store(3, Ordering::SeqCst);
        assert!(seen(kafka).await.unwrap());
        assert_eq!(between.left.load(Ordering::SeqCst), 0);
    }
    between.left.store(usize::MAX, Ordering::SeqCst);
    let error = seen(&weir).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.message.contains("list no ACL binding at all"), "{error}");
}
