"""Real Kafka and real Cassandra as plain processes: no container engine, nothing but Java."""
