//! Topics and a keyspace for one measurement, and what the services are told of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use event_log::kafka::{KafkaConfig, KafkaLog};
use model::Model;
use parts::CLOSING;
use read_store::cql::CqlStore;
use service::config::{CqlArgs, KafkaArgs};
use uuid::Uuid;

use super::RealArgs;
use super::service::Service;

/// A system of its own on the real parts. The keyspace is removed by [`World::remove`]; topics are
/// left to whoever owns the broker.
pub struct World {
    pub model: Arc<Model>,
    pub store: CqlStore,
    schemas: PathBuf,
    kafka: KafkaArgs,
    cql: CqlArgs,
    dev: bool,
}

impl World {
    /// Makes topics and tables.
    pub async fn new(args: &RealArgs, schemas: &Path) -> Result<World> {
        let model = parts::load(schemas)?;
        World::of(args, schemas.canonicalize()?, model.into()).await
    }

    /// Another of the same domain, on the same parts.
    pub async fn beside(&self) -> Result<World> {
        let (kafka, cql) = (self.kafka.clone(), self.cql.clone());
        let args = RealArgs { kafka, cql, dev: self.dev };
        World::of(&args, self.schemas.clone(), self.model.clone()).await
    }

    async fn of(args: &RealArgs, schemas: PathBuf, model: Arc<Model>) -> Result<World> {
        let name = format!("bench_{}", &Uuid::new_v4().simple().to_string()[..12]);
        let kafka = KafkaArgs { topic_prefix: name.clone(), ..args.kafka.clone() };
        let cql = CqlArgs { keyspace: name, ..args.cql.clone() };
        let store = parts::open_store(&cql, args.dev).await?;
        let world = World { model, store, schemas, kafka, cql, dev: args.dev };
        let log = world.log().await?;
        projector::program::prepare(&world.model, &log, &world.store, &mut |_, _| {}).await?;
        log.shutdown(CLOSING).await;
        Ok(world)
    }

    /// The log, opened by this process too.
    pub async fn log(&self) -> Result<Arc<KafkaLog>> {
        Ok(parts::open_log(&self.kafka, &self.model, self.dev, "").await?)
    }

    /// Starts one of the services.
    pub async fn start(&self, program: &'static str) -> Result<Service> {
        Service::start(program, &self.settings()).await
    }

    /// What a process is told to be part of this system.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("FOLDLINE_SCHEMAS", self.schemas.display().to_string()),
            ("FOLDLINE_KAFKA_BROKERS", self.kafka.brokers.clone().unwrap_or_default()),
            ("FOLDLINE_TOPIC_PREFIX", self.kafka.topic_prefix.clone()),
            ("FOLDLINE_PARTITIONS", self.kafka.partitions.to_string()),
            ("FOLDLINE_CQL_NODES", self.cql.nodes.join(",")),
            ("FOLDLINE_CQL_KEYSPACE", self.cql.keyspace.clone()),
            ("FOLDLINE_DEV", self.dev.to_string()),
        ];
        let dc = self.cql.local_dc.clone().map(|dc| ("FOLDLINE_CQL_LOCAL_DC", dc));
        let copies = self.cql.replication.map(|n| ("FOLDLINE_CQL_REPLICATION", n.to_string()));
        settings.extend(dc.into_iter().chain(copies));
        settings
    }

    /// The settings of a log beside this one's, for raw transactions on as many partitions.
    pub fn raw_log(&self) -> KafkaConfig {
        KafkaConfig {
            brokers: self.kafka.brokers.clone().unwrap_or_default(),
            prefix: format!("{}-raw", self.kafka.topic_prefix),
            partitions: self.kafka.partitions,
            dev: self.dev,
            aggregates: vec!["raw".into()],
            advertise: "".into(),
            client_id: "bench-raw".to_owned(),
        }
    }

    /// How many partitions an aggregate type has.
    pub fn partitions(&self) -> u32 {
        self.kafka.partitions
    }

    /// Removes the keyspace.
    pub async fn remove(self) -> Result<()> {
        Ok(self.store.remove().await?)
    }
}
