//! The catalog as JSON, the same in every store.
//!
//! ```json
//! {"stream": uuid or null,
//!  "runs": [{"id", "aggregate", "fold_hash": hex, "primary", "live", "views": [[name, hex]]}],
//!  "contracts": [[aggregate, text]]}
//! ```

use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Catalog, Run, RunId};

pub(crate) fn encode(catalog: &Catalog) -> String {
    let run = |run: &Run| {
        let views: Vec<Json> =
            run.views.iter().map(|(name, hash)| json!([&**name, hex(hash)])).collect();
        json!({
            "id": &*run.id.0,
            "aggregate": &*run.aggregate,
            "fold_hash": hex(&run.fold_hash),
            "primary": run.primary,
            "live": run.live,
            "views": views,
        })
    };
    let contracts: Vec<Json> =
        catalog.contracts.iter().map(|(name, text)| json!([&**name, text])).collect();
    json!({
        "stream": catalog.stream.map(|stream| stream.to_string()),
        "runs": catalog.runs.iter().map(run).collect::<Vec<_>>(),
        "contracts": contracts,
    })
    .to_string()
}

pub(crate) fn decode(revision: u64, body: &str) -> Option<Catalog> {
    let body: Json = serde_json::from_str(body).ok()?;
    let stream = match &body["stream"] {
        Json::Null => None,
        stream => Some(uuid::Uuid::parse_str(stream.as_str()?).ok()?),
    };
    let pair = |pair: &Json| Some((Arc::from(pair[0].as_str()?), pair[1].as_str()?.to_owned()));
    Some(Catalog {
        revision,
        stream,
        runs: body["runs"].as_array()?.iter().map(decode_run).collect::<Option<_>>()?,
        contracts: body["contracts"].as_array()?.iter().map(pair).collect::<Option<_>>()?,
    })
}

fn decode_run(run: &Json) -> Option<Run> {
    let view = |view: &Json| Some((Arc::from(view[0].as_str()?), unhex(view[1].as_str()?)?));
    Some(Run {
        id: RunId(run["id"].as_str()?.into()),
        aggregate: run["aggregate"].as_str()?.into(),
        fold_hash: unhex(run["fold_hash"].as_str()?)?,
        views: run["views"].as_array()?.iter().map(view).collect::<Option<_>>()?,
        primary: run["primary"].as_bool()?,
        live: run["live"].as_bool()?,
    })
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a String can't fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn runs()(
            id in ".{0,8}",
            aggregate in "[a-z-]{1,8}",
            fold_hash in any::<[u8; 32]>(),
            views in prop::collection::vec(("[a-z-]{1,8}".prop_map(Arc::from), any::<[u8; 32]>()), 0..3),
            primary in any::<bool>(),
            live in any::<bool>(),
        ) -> Run {
            Run { id: RunId(id.into()), aggregate: aggregate.into(), fold_hash, views, primary, live }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_catalog_survives(
            revision in any::<u64>(),
            stream in any::<Option<u128>>(),
            runs in prop::collection::vec(runs(), 0..4),
            contracts in prop::collection::vec((".{0,8}".prop_map(Arc::from), ".{0,20}"), 0..3),
        ) {
            let stream = stream.map(uuid::Uuid::from_u128);
            let catalog = Catalog { revision, stream, runs, contracts };
            prop_assert_eq!(decode(revision, &encode(&catalog)), Some(catalog));
        }
    }

    #[test]
    fn a_damaged_catalog_is_told_from_none() {
        assert_eq!(decode(1, "{}"), None);
        assert_eq!(decode(1, r#"{"stream":"x","runs":[],"contracts":[]}"#), None);
        assert_eq!(unhex(&"é".repeat(32)), None);
    }
}
