//! An event as it stands in a topic, and back.
//!
//! The key is the aggregate's id and the value the event in Confluent's wire form. Headers:
//!
//! ```text
//! ce_specversion ce_id ce_type ce_source ce_subject ce_time   CloudEvents, binary mode
//! content-type   application/avro
//! traceparent    W3C trace context, where the call had one
//! fl-claim       the claim it was written under
//! fl-seq         number of its command under that claim, from 1
//! fl-version     the aggregate's version after it
//! fl-part        which of its command's events it is: 1/2
//! fl-command     body hash in hex, length of the key, key and caller, where there was a key
//! ```
//!
//! Anybody may write to a topic, so decoding never fails: what is no record of ours becomes an
//! event under the nil claim, which counts for nobody.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use uuid::Uuid;

use super::{claim, instant};
use crate::log::NewCommand;
use crate::record::{Body, ClaimId, EventRecord, KeyedCommand, Part};

const HEADERS: usize = 13;
/// Names of events that are shared; a topic has no more kinds than this but by malice.
const MAX_NAMES: usize = 256;

/// What all records of one owner's interval have in common.
pub(super) struct Envelope {
    claim: String,
    source: String,
}

impl Envelope {
    pub(super) fn new(claim: ClaimId, prefix: &str, aggregate: &str) -> Envelope {
        Envelope { claim: claim.0.to_string(), source: format!("/{prefix}/{aggregate}") }
    }

    /// The headers of a command's events, in order.
    pub(super) fn headers<'a>(
        &'a self,
        command: &'a NewCommand,
        seq: u64,
    ) -> impl Iterator<Item = OwnedHeaders> + 'a {
        let time = instant::text(command.time);
        let seq_text = seq.to_string();
        let key = command.command.as_ref().map(keyed_text);
        let of = command.events.len();
        command.events.iter().enumerate().map(move |(at, (event, _))| {
            let id = format!("{}-{seq_text}-{}", self.claim, at + 1);
            let version = (command.first_version + at as u64).to_string();
            let part = format!("{}/{of}", at + 1);
            let optional =
                [("traceparent", command.traceparent.as_deref()), ("fl-command", key.as_deref())];
            let fixed = [
                ("ce_specversion", "1.0"),
                ("ce_id", &id),
                ("ce_type", event),
                ("ce_source", &self.source),
                ("ce_subject", &command.id),
                ("ce_time", &time),
                ("content-type", "application/avro"),
                ("fl-claim", &self.claim),
                ("fl-seq", &seq_text),
                ("fl-version", &version),
                ("fl-part", &part),
            ];
            let present = optional.into_iter().filter_map(|(key, value)| Some((key, value?)));
            fixed
                .into_iter()
                .chain(present)
                .fold(OwnedHeaders::new_with_capacity(HEADERS), |headers, (key, value)| {
                    headers.insert(Header { key, value: Some(value) })
                })
        })
    }
}

/// Reads the records of one partition.
pub(super) struct Decoder {
    aggregate: Arc<str>,
    stream: Uuid,
    names: Vec<Arc<str>>,
}

impl Decoder {
    pub(super) fn new(aggregate: Arc<str>, stream: Uuid) -> Decoder {
        Decoder { aggregate, stream, names: Vec::new() }
    }

    /// The time and body of a record that was appended at `appended`.
    pub(super) fn decode<H: Headers>(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Option<&H>,
        appended: i64,
    ) -> (i64, Body) {
        let ours = match (key, value, headers) {
            (None, Some(value), _) => self.claim(value).map(|body| (appended, body)),
            (Some(key), Some(value), Some(headers)) => self.event(key, value, headers),
            _ => None,
        };
        ours.unwrap_or_else(|| (appended, self.foreign()))
    }

    /// A record that counts for nobody.
    pub(super) fn foreign(&self) -> Body {
        Body::Event(EventRecord {
            aggregate: self.aggregate.clone(),
            id: "".into(),
            event: "".into(),
            version: 0,
            data: Bytes::new(),
            claim: ClaimId(Uuid::nil()),
            seq: 0,
            part: Part { index: 1, of: 1 },
            command: None,
            traceparent: None,
        })
    }

    fn claim(&self, value: &[u8]) -> Option<Body> {
        let claim = claim::decode(value)?.claim;
        // A claim on another stream starts nothing here.
        (claim.stream == self.stream).then_some(Body::Claim(claim))
    }

    fn event<H: Headers>(&mut self, key: &[u8], value: &[u8], headers: &H) -> Option<(i64, Body)> {
        let mut fields = Fields::default();
        for at in 0..headers.count() {
            let header = headers.try_get(at)?;
            fields.take(header.key, header.value.unwrap_or_default());
        }
        let event = EventRecord {
            aggregate: self.aggregate.clone(),
            id: std::str::from_utf8(key).ok()?.into(),
            event: self.name(fields.event)?,
            version: number(fields.version)?,
            data: Bytes::copy_from_slice(value),
            claim: ClaimId(Uuid::try_parse_ascii(fields.claim).ok()?),
            seq: number(fields.seq)?,
            part: part(fields.part)?,
            command: fields.command.map(keyed).transpose().ok()?,
            traceparent: fields
                .traceparent
                .map(std::str::from_utf8)
                .transpose()
                .ok()?
                .map(Arc::from),
        };
        Some((instant::parse(fields.time)?, Body::Event(event)))
    }

    fn name(&mut self, name: &[u8]) -> Option<Arc<str>> {
        if let Some(known) = self.names.iter().find(|known| known.as_bytes() == name) {
            return Some(known.clone());
        }
        let new: Arc<str> = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?.into();
        if self.names.len() < MAX_NAMES {
            self.names.push(new.clone());
        }
        Some(new)
    }
}

/// The headers that matter, as they stand.
#[derive(Default)]
struct Fields<'a> {
    event: &'a [u8],
    time: &'a [u8],
    claim: &'a [u8],
    seq: &'a [u8],
    version: &'a [u8],
    part: &'a [u8],
    command: Option<&'a [u8]>,
    traceparent: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, name: &str, value: &'a [u8]) {
        match name {
            "ce_type" => self.event = value,
            "ce_time" => self.time = value,
            "fl-claim" => self.claim = value,
            "fl-seq" => self.seq = value,
            "fl-version" => self.version = value,
            "fl-part" => self.part = value,
            "fl-command" => self.command = Some(value),
            "traceparent" => self.traceparent = Some(value),
            _ => {}
        }
    }
}

/// Decimal digits alone: no sign, no blanks.
fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(text).ok()?.parse().ok())?
}

fn part(text: &[u8]) -> Option<Part> {
    let slash = text.iter().position(|byte| *byte == b'/')?;
    Some(Part { index: number(&text[..slash])?, of: number(&text[slash + 1..])? })
}

fn keyed_text(command: &KeyedCommand) -> String {
    let mut text = String::with_capacity(72 + command.key.len() + command.caller.len());
    for byte in command.hash {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    let _ = write!(text, " {} {}{}", command.key.len(), command.key, command.caller);
    text
}

struct NotKeyed;

fn keyed(text: &[u8]) -> Result<KeyedCommand, NotKeyed> {
    let parsed = || {
        let text = std::str::from_utf8(text).ok()?;
        let (hex, rest) = text.split_once(' ')?;
        let (length, rest) = rest.split_once(' ')?;
        let (key, caller) = rest.split_at_checked(number(length.as_bytes())?)?;
        Some(KeyedCommand { key: key.into(), caller: caller.into(), hash: hash(hex.as_bytes())? })
    };
    parsed().ok_or(NotKeyed)
}

fn hash(hex: &[u8]) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut hash = [0; 32];
    if hex.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests;
