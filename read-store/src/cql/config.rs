//! Where the database is and how it is to be used.

use crate::store::StoreError;

/// The longest name of a keyspace.
const MAX_KEYSPACE: usize = 48;

/// Settings of the CQL store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CqlConfig {
    /// Nodes to begin with, as `host:port`; the driver learns of all others.
    pub nodes: Vec<String>,
    /// The keyspace, which is made where it is not there.
    pub keyspace: String,
    /// The data centre that is read and written; without one, that of the first node that answers.
    pub local_dc: Option<String>,
    /// Copies in the local data centre; without a number 3, or 1 with `dev`.
    pub replication: Option<u32>,
    /// Whether one node may be all there is.
    pub dev: bool,
}

impl CqlConfig {
    /// How many copies a row has.
    pub(super) fn copies(&self) -> u32 {
        self.replication.unwrap_or(if self.dev { 1 } else { 3 })
    }

    /// Whether the settings make sense at all.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let refuse = |detail: String| Err(StoreError::Refused(detail));
        if self.nodes.is_empty() {
            return refuse("name at least one database node as host:port".into());
        }
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins = self.keyspace.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || self.keyspace.len() > MAX_KEYSPACE || !self.keyspace.chars().all(letters) {
            return refuse(format!(
                "{:?} can't be a keyspace: take 1 to {MAX_KEYSPACE} of a-z, 0-9 and _, beginning \
                 with a letter",
                self.keyspace
            ));
        }
        if self.copies() == 0 {
            return refuse("a replication of 0 keeps nothing: take 3, or 1 for development".into());
        }
        if self.copies() < 3 && !self.dev {
            return refuse(format!(
                "a replication of {} loses writes with a single node: take 3 or more, or say that \
                 this is development (`--dev`)",
                self.copies()
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn config(keyspace: &str, replication: Option<u32>, dev: bool) -> CqlConfig {
        let nodes = vec!["127.0.0.1:9042".into()];
        CqlConfig { nodes, keyspace: keyspace.into(), local_dc: None, replication, dev }
    }

    #[test]
    fn copies_are_three_unless_said_otherwise() {
        assert_eq!(config("foldline", None, false).copies(), 3);
        assert_eq!(config("foldline", None, true).copies(), 1);
        assert_eq!(config("foldline", Some(5), true).copies(), 5);
    }

    #[rstest]
    #[case::upper_case("Foldline", None, true)]
    #[case::an_injection("a; DROP", None, true)]
    #[case::empty("", None, true)]
    #[case::a_digit_first("1a", None, true)]
    #[case::no_copy("foldline", Some(0), true)]
    #[case::one_copy_in_production("foldline", Some(1), false)]
    fn settings_that_make_no_sense_are_refused(
        #[case] keyspace: &str,
        #[case] replication: Option<u32>,
        #[case] dev: bool,
    ) {
        assert!(matches!(config(keyspace, replication, dev).check(), Err(StoreError::Refused(_))));
    }

    #[test]
    fn a_store_without_nodes_is_refused() {
        let nowhere = CqlConfig { nodes: Vec::new(), ..config("foldline", None, true) };
        assert!(nowhere.check().is_err());
        assert_eq!(config("foldline", None, true).check(), Ok(()));
    }
}
