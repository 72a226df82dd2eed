//! The table of records: its columns, how a record is written into a row and read back.
//!
//! One row per record. A claim has no event: its row holds the claim, the stream as `id` and the
//! owner as `caller`.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{CachedStatement, Connection, Row, params};
use uuid::Uuid;

use crate::record::{Body, Claim, ClaimId, EventRecord, KeyedCommand, Offset, Part, Record};

/// The layout that this build writes, kept as `user_version`.
pub(super) const LAYOUT: i32 = 1;

/// Creates what is missing.
pub(super) const CREATE: &str = r#"
CREATE TABLE IF NOT EXISTS stream (id TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS record (
    "offset" INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    aggregate TEXT,
    id TEXT NOT NULL,
    event TEXT,
    version INTEGER NOT NULL,
    data BLOB,
    claim BLOB NOT NULL,
    seq INTEGER NOT NULL,
    part INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    "key" TEXT,
    caller TEXT,
    hash BLOB,
    traceparent TEXT
) STRICT;
"#;

const INSERT: &str = r#"INSERT INTO record ("offset", time, aggregate, id, event, version, data,
    claim, seq, part, parts, "key", caller, hash, traceparent)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"#;

/// Records at or after an offset.
pub(super) const SELECT: &str = r#"SELECT "offset", time, aggregate, id, event, version, data,
    claim, seq, part, parts, "key", caller, hash, traceparent
    FROM record WHERE "offset" >= ?1 ORDER BY "offset""#;

const END: &str = r#"SELECT "offset" + 1, time FROM record ORDER BY "offset" DESC LIMIT 1"#;

/// The offset after the last record, and the last record's time.
pub(super) fn end(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let mut statement = connection.prepare_cached(END)?;
    let mut rows = statement.query([])?;
    match rows.next()? {
        Some(row) => Ok((row.get(0)?, row.get(1)?)),
        None => Ok((0, 0)),
    }
}

/// The statement that [`insert`] runs.
pub(super) fn prepare_insert(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached(INSERT)
}

/// Writes a record's row.
pub(super) fn insert(statement: &mut CachedStatement<'_>, record: &Record) -> rusqlite::Result<()> {
    match &record.body {
        Body::Claim(claim) => statement.execute(params![
            record.offset.0,
            record.time,
            None::<&str>,
            claim.stream.hyphenated().encode_lower(&mut Uuid::encode_buffer()) as &str,
            None::<&str>,
            0,
            None::<&[u8]>,
            claim.id.0.as_bytes().as_slice(),
            0,
            0,
            0,
            None::<&str>,
            &*claim.owner,
            None::<&[u8]>,
            None::<&str>,
        ])?,
        Body::Event(event) => {
            let command = event.command.as_ref();
            statement.execute(params![
                record.offset.0,
                record.time,
                &*event.aggregate,
                &*event.id,
                &*event.event,
                event.version as i64,
                &*event.data,
                event.claim.0.as_bytes().as_slice(),
                event.seq as i64,
                event.part.index,
                event.part.of,
                command.map(|c| &*c.key),
                command.map(|c| &*c.caller),
                command.map(|c| c.hash.as_slice()),
                event.traceparent.as_deref(),
            ])?
        }
    };
    Ok(())
}

/// Keeps one copy of texts that repeat from record to record.
#[derive(Default)]
pub(super) struct Names(HashSet<Arc<str>>);

impl Names {
    fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(name) = self.0.get(text) {
            return name.clone();
        }
        let name: Arc<str> = text.into();
        self.0.insert(name.clone());
        name
    }
}

/// Reads a row of [`SELECT`]; the text says what is damaged.
pub(super) fn record(row: &Row<'_>, names: &mut Names) -> Result<Record, String> {
    let offset = Offset(cell(row, 0, "offset", |v| v.as_i64().ok())?);
    let time = cell(row, 1, "time", |v| v.as_i64().ok())?;
    let claim = cell(row, 7, "claim", |v| Uuid::from_slice(v.as_blob().ok()?).ok())?;
    let body = match cell(row, 4, "event", |v| v.as_str_or_null().ok())? {
        None => Body::Claim(read_claim(row, ClaimId(claim))?),
        Some(event) => Body::Event(read_event(row, names.intern(event), ClaimId(claim), names)?),
    };
    Ok(Record { offset, time, body })
}

fn read_claim(row: &Row<'_>, id: ClaimId) -> Result<Claim, String> {
    let stream = cell(row, 3, "id", |v| Uuid::parse_str(v.as_str().ok()?).ok())?;
    let owner = cell(row, 12, "caller", |v| v.as_str().ok())?.into();
    Ok(Claim { id, stream, owner })
}

fn read_event(
    row: &Row<'_>,
    event: Arc<str>,
    claim: ClaimId,
    names: &mut Names,
) -> Result<EventRecord, String> {
    let aggregate = names.intern(cell(row, 2, "aggregate", |v| v.as_str().ok())?);
    let number = |v: rusqlite::types::ValueRef<'_>| u64::try_from(v.as_i64().ok()?).ok();
    let small = |v: rusqlite::types::ValueRef<'_>| u16::try_from(v.as_i64().ok()?).ok();
    let part = Part { index: cell(row, 9, "part", small)?, of: cell(row, 10, "parts", small)? };
    Ok(EventRecord {
        aggregate,
        id: cell(row, 3, "id", |v| v.as_str().ok())?.into(),
        event,
        version: cell(row, 5, "version", number)?,
        data: Bytes::copy_from_slice(cell(row, 6, "data", |v| v.as_blob().ok())?),
        claim,
        seq: cell(row, 8, "seq", number)?,
        part,
        command: read_command(row, names)?,
        traceparent: cell(row, 14, "traceparent", |v| v.as_str_or_null().ok())?.map(Arc::from),
    })
}

fn read_command(row: &Row<'_>, names: &mut Names) -> Result<Option<KeyedCommand>, String> {
    let Some(key) = cell(row, 11, "key", |v| v.as_str_or_null().ok())? else {
        return Ok(None);
    };
    let caller = names.intern(cell(row, 12, "caller", |v| v.as_str().ok())?);
    let hash = cell(row, 13, "hash", |v| v.as_blob().ok()?.try_into().ok())?;
    Ok(Some(KeyedCommand { key: key.into(), caller, hash }))
}

fn cell<'r, T>(
    row: &'r Row<'_>,
    index: usize,
    name: &str,
    read: impl FnOnce(rusqlite::types::ValueRef<'r>) -> Option<T>,
) -> Result<T, String> {
    row.get_ref(index).ok().and_then(read).ok_or_else(|| format!("column {name} is unreadable"))
}
