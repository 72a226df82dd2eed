//! The claim's bytes are what an Avro library makes of its schema.
#![cfg(feature = "kafka")]

use apache_avro::types::Record;
use apache_avro::{Schema, from_avro_datum, to_avro_datum};
use foldline_event_log::kafka::claim::{ClaimRecord, SCHEMA, decode, encode};
use foldline_event_log::{Claim, ClaimId};
use uuid::Uuid;

#[test]
fn a_library_reads_and_writes_the_same_bytes() {
    let schema = Schema::parse_str(SCHEMA).expect("a schema");
    let (id, stream) = (Uuid::from_u128(0xc1), Uuid::from_u128(0x57));
    let claim = Claim { id: ClaimId(id), stream, owner: "http://größer:8080".into() };
    let ours = ClaimRecord { claim, partitions: 4_000 };
    let mut theirs = Record::new(&schema).expect("a record");
    theirs.put("claim", id.to_string());
    theirs.put("stream", stream.to_string());
    theirs.put("generation", 1_i64);
    theirs.put("partitions", 4_000_i64);
    theirs.put("hash", "murmur2");
    theirs.put("owner", "http://größer:8080");
    let bytes = to_avro_datum(&schema, theirs).expect("a datum");
    assert_eq!(encode(&ours), bytes);
    assert_eq!(decode(&bytes), Some(ours));
    from_avro_datum(&schema, &mut bytes.as_slice(), None).expect("a record again");
}
