use proptest::prelude::*;

use super::*;
use crate::record::Claim;

const STREAM: Uuid = Uuid::from_u128(7);

fn command() -> NewCommand {
    NewCommand {
        aggregate: "order".into(),
        id: "o-1".into(),
        time: 1_795_271_704_123,
        first_version: 4,
        events: vec![
            ("OrderPlaced".into(), Bytes::from_static(b"\0\0\0\0\x07one")),
            ("OrderPaid".into(), Bytes::from_static(b"\0\0\0\0\x08two")),
        ],
        command: Some(KeyedCommand {
            key: "k 1".into(),
            caller: "anna".into(),
            hash: std::array::from_fn(|n| n as u8 * 8),
        }),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
    }
}

fn encoded(command: &NewCommand) -> Vec<OwnedHeaders> {
    let claim = ClaimId(Uuid::from_u128(0xc1));
    Envelope::new(claim, "shop", &command.aggregate).headers(command, 9).collect()
}

fn decode(key: Option<&[u8]>, value: Option<&[u8]>, headers: Option<&OwnedHeaders>) -> (i64, Body) {
    Decoder::new("order".into(), STREAM).decode(key, value, headers, 5)
}

fn counts_for_nobody(body: &Body) -> bool {
    matches!(body, Body::Event(event) if event.claim.0.is_nil())
}

#[test]
fn the_headers_of_an_event_stay_as_they_were() {
    let headers = &encoded(&command())[1];
    let text: Vec<String> = headers
        .iter()
        .map(|h| format!("{}: {}", h.key, String::from_utf8_lossy(h.value.unwrap())))
        .collect();
    let golden = [
        "ce_specversion: 1.0",
        "ce_id: 00000000-0000-0000-0000-0000000000c1-9-2",
        "ce_type: OrderPaid",
        "ce_source: /shop/order",
        "ce_subject: o-1",
        "ce_time: 2026-11-21T14:35:04.123Z",
        "content-type: application/avro",
        "fl-claim: 00000000-0000-0000-0000-0000000000c1",
        "fl-seq: 9",
        "fl-version: 5",
        "fl-part: 2/2",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "fl-command: 0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8 3 k 1anna",
    ];
    assert_eq!(text, golden);
}

#[test]
fn an_event_comes_back_as_it_was_written() {
    let command = command();
    for (at, headers) in encoded(&command).iter().enumerate() {
        let (name, data) = &command.events[at];
        let (time, body) = decode(Some(b"o-1"), Some(data), Some(headers));
        let event = EventRecord {
            aggregate: "order".into(),
            id: "o-1".into(),
            event: name.clone(),
            version: 4 + at as u64,
            data: data.clone(),
            claim: ClaimId(Uuid::from_u128(0xc1)),
            seq: 9,
            part: Part { index: at as u16 + 1, of: 2 },
            command: command.command.clone(),
            traceparent: command.traceparent.clone(),
        };
        assert_eq!((time, body), (command.time, Body::Event(event)));
    }
}

#[test]
fn a_claim_has_the_time_of_the_broker() {
    let claim = Claim { id: ClaimId(Uuid::from_u128(1)), stream: STREAM, owner: "".into() };
    let datum = claim::encode(&claim::ClaimRecord { claim: claim.clone(), partitions: 3 });
    assert_eq!(decode(None, Some(&datum), None), (5, Body::Claim(claim)));
}

#[test]
fn a_claim_on_another_stream_counts_for_nobody() {
    let claim = Claim { id: ClaimId(Uuid::from_u128(1)), stream: Uuid::nil(), owner: "".into() };
    let datum = claim::encode(&claim::ClaimRecord { claim, partitions: 3 });
    assert!(counts_for_nobody(&decode(None, Some(&datum), None).1));
}

#[test]
fn an_event_that_lacks_a_header_counts_for_nobody() {
    let whole = &encoded(&command())[0];
    for left_out in ["ce_type", "ce_time", "fl-claim", "fl-seq", "fl-version", "fl-part"] {
        let rest = whole
            .iter()
            .filter(|h| h.key != left_out)
            .fold(OwnedHeaders::new(), |headers, header| headers.insert(header));
        let (_, body) = decode(Some(b"o-1"), Some(b"x"), Some(&rest));
        assert!(counts_for_nobody(&body), "{left_out}");
    }
}

#[test]
fn what_strangers_write_counts_for_nobody() {
    let none: Option<&OwnedHeaders> = None;
    for (key, value) in [
        (None, None),
        (None, Some(b"x".as_slice())),
        (Some(b"k".as_slice()), None),
        (Some(b"k".as_slice()), Some(b"{}".as_slice())),
    ] {
        assert!(counts_for_nobody(&decode(key, value, none).1));
    }
    let whole = &encoded(&command())[0];
    assert!(counts_for_nobody(&decode(Some(b"\xff"), Some(b"x"), Some(whole)).1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_key_of_a_command_comes_back(key in ".{0,40}", caller in ".{0,40}", hash: [u8; 32]) {
        let command = KeyedCommand { key: key.into(), caller: caller.into(), hash };
        prop_assert_eq!(keyed(keyed_text(&command).as_bytes()).ok(), Some(command));
    }

    #[test]
    fn any_bytes_in_headers_are_taken_without_a_panic(
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..30), 8),
    ) {
        let names =
            ["ce_type", "ce_time", "fl-claim", "fl-seq", "fl-version", "fl-part", "fl-command", "x"];
        let headers = names.iter().zip(&values).fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
        decode(Some(b"k"), Some(b"v"), Some(&headers));
    }
}
