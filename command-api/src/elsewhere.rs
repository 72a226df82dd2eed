//! What this API's neighbours answer: states and views, and the log itself.

use model::Model;

/// Where a path is answered that is not this API's.
pub(crate) fn elsewhere(model: &Model, topics: &[String], path: &str) -> Option<String> {
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let first = segments.next().unwrap_or_default();
    let behind: Vec<&str> = segments.collect();
    if first == "events" && behind.is_empty() {
        let topics = topics.join(", ");
        return Some(format!("the log is on Kafka: its events are in the topics {topics}"));
    }
    let reads = match behind.as_slice() {
        [_] if first == "views" => true,
        [] | [_] | [_, "history"] => model.aggregates.iter().any(|a| *a.plural == *first),
        _ => false,
    };
    reads.then(|| format!("this port takes commands: query-api answers GET {path}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn told(path: &str) -> Option<String> {
        let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
        let model = Model::load(&schemas).expect("the examples load");
        elsewhere(&model, &["shop.order.events.v1".to_owned()], path)
    }

    #[test]
    fn reads_are_told_to_be_query_apis() {
        for path in ["/orders", "/orders/x", "/orders/x/history", "/views/revenue-by-day"] {
            let told = told(path).expect("it is somebody's");
            assert!(told.contains("query-api") && told.contains(path), "{told}");
        }
    }

    #[test]
    fn the_log_is_told_by_its_topics() {
        let told = told("/events").expect("it is somebody's");
        assert!(told.contains("shop.order.events.v1"), "{told}");
    }

    #[test]
    fn what_is_nobodys_is_not_told() {
        for path in ["/", "/nope", "/nope/x", "/orders/x/y", "/orders/x/history/y", "/views"] {
            assert_eq!(told(path), None, "{path}");
        }
    }
}
