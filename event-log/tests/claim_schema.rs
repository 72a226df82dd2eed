//! The claim's bytes are what an Avro library makes of its schema.
#![cfg(feature = "kafka")]

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Record;
use apache_avro::writer::datum::GenericDatumWriter;
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
    let writer = GenericDatumWriter::builder(&schema).build().expect("a plain writer");
    let bytes = writer.write_value_to_vec(theirs).expect("a datum");
    assert_eq!(encode(&ours), bytes);
    assert_eq!(decode(&bytes), Some(ours));
    let reader = GenericDatumReader::builder(&schema).build().expect("a plain reader");
    reader.read_value(&mut bytes.as_slice()).expect("a record again");
}
