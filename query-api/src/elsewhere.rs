//! What this API's neighbours answer: commands, and the log itself.

use model::Model;

/// Where a path is answered that is not this API's.
pub(crate) fn elsewhere(model: &Model, path: &str) -> Option<String> {
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let first = segments.next().unwrap_or_default();
    let behind: Vec<&str> = segments.collect();
    match (first, behind.as_slice()) {
        ("events", []) => Some(on_kafka(model)),
        ("commands", []) => Some(commands(path)),
        (_, [_] | [_, _]) if model.aggregates.iter().any(|a| *a.plural == *first) => {
            Some(commands(path))
        }
        _ => None,
    }
}

fn commands(path: &str) -> String {
    format!("this port answers queries: command-api takes POST {path}")
}

fn on_kafka(model: &Model) -> String {
    let topics = model.aggregates.iter().map(|a| format!("<prefix>.{}.events.v1", a.name));
    let topics: Vec<String> = topics.collect();
    format!(
        "the log is on Kafka: its events are in the topics {}, where <prefix> is the services' \
         FOLDLINE_TOPIC_PREFIX, `foldline` unless it is set",
        topics.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn told(path: &str) -> Option<String> {
        let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
        elsewhere(&Model::load(&schemas).expect("the examples load"), path)
    }

    #[test]
    fn commands_are_told_to_be_command_apis() {
        for path in ["/commands", "/orders/place", "/orders/x/pay"] {
            let told = told(path).expect("it is somebody's");
            assert!(told.contains("command-api") && told.contains(path), "{told}");
        }
    }

    #[test]
    fn the_log_is_told_by_its_topics() {
        let told = told("/events").expect("it is somebody's");
        assert!(told.contains("<prefix>.order.events.v1"), "{told}");
    }

    #[test]
    fn what_is_nobodys_is_not_told() {
        for path in ["/", "/nope", "/nope/x", "/orders", "/orders/x/y/z", "/events/x"] {
            assert_eq!(told(path), None, "{path}");
        }
    }
}
