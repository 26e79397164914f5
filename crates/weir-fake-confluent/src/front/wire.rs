//! Kafka's frames: four bytes of length, a header, a message.

use std::{io, io::ErrorKind};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use kafka_protocol::{
    messages::{ApiKey, RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable},
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest accepted frame, in bytes; brokers accept 100 MiB.
const LONGEST: u32 = 128 << 20;

/// The fields of a request's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// `None` if the library does not know the message.
    pub(super) api: Option<ApiKey>,
    pub(super) version: i16,
    pub(super) correlation: i32,
}

impl Head {
    pub(super) fn of(frame: &Bytes) -> io::Result<Self> {
        let mut bytes = frame.clone();
        if bytes.len() < 8 {
            return Err(ErrorKind::InvalidData.into());
        }
        let api = ApiKey::try_from(bytes.get_i16()).ok();
        Ok(Self { api, version: bytes.get_i16(), correlation: bytes.get_i32() })
    }

    fn request_header(&self) -> i16 {
        self.api.map_or(1, |api| api.request_header_version(self.version))
    }

    fn response_header(&self) -> i16 {
        self.api.map_or(0, |api| api.response_header_version(self.version))
    }
}

/// Returns the id of the request that an answer belongs to.
pub(super) fn correlation(frame: &Bytes) -> io::Result<i32> {
    let mut bytes = frame.clone();
    bytes.try_get_i32().map_err(io::Error::other)
}

pub(super) async fn receive(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    let length = from.read_u32().await?;
    if length > LONGEST {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes).await?;
    Ok(bytes.into())
}

pub(super) async fn send(to: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    let mut bytes = BytesMut::with_capacity(frame.len() + 4);
    bytes.put_u32(length);
    bytes.put_slice(frame);
    to.write_all(&bytes).await?;
    to.flush().await
}

/// Reads the message of a request.
pub(super) fn request<M: Decodable>(head: &Head, frame: &Bytes) -> io::Result<M> {
    let mut bytes = frame.clone();
    RequestHeader::decode(&mut bytes, head.request_header()).map_err(io::Error::other)?;
    M::decode(&mut bytes, head.version).map_err(io::Error::other)
}

/// Returns the same request with another message.
pub(super) fn with_request(head: &Head, frame: &Bytes, message: &impl Encodable) -> io::Result<Bytes> {
    let mut bytes = frame.clone();
    let header = RequestHeader::decode(&mut bytes, head.request_header()).map_err(io::Error::other)?;
    encode_request(&header, head, message)
}

pub(super) fn encode_request(header: &RequestHeader, head: &Head, message: &impl Encodable) -> io::Result<Bytes> {
    let mut encoded = BytesMut::new();
    header.encode(&mut encoded, head.request_header()).map_err(io::Error::other)?;
    message.encode(&mut encoded, head.version).map_err(io::Error::other)?;
    Ok(encoded.freeze())
}

/// Reads the message of an answer.
pub(super) fn answer<M: Decodable>(head: &Head, frame: &Bytes) -> io::Result<M> {
    let mut bytes = frame.clone();
    ResponseHeader::decode(&mut bytes, head.response_header()).map_err(io::Error::other)?;
    M::decode(&mut bytes, head.version).map_err(io::Error::other)
}

/// Encodes an answer to a request.
pub(super) fn encode(head: &Head, message: &impl Encodable) -> io::Result<Bytes> {
    let mut encoded = BytesMut::new();
    let header = ResponseHeader::default().with_correlation_id(head.correlation);
    header.encode(&mut encoded, head.response_header()).map_err(io::Error::other)?;
    message.encode(&mut encoded, head.version).map_err(io::Error::other)?;
    Ok(encoded.freeze())
}
