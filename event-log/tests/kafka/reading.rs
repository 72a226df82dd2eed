//! Reads, heads and waits.

use foldline_event_log::{Log, Offset};

use crate::support::{claim, command, config, ids, open, partition, read_all};

#[tokio::test]
async fn an_empty_partition_has_its_head_at_the_start() {
    let log = open(&config()).await;
    assert_eq!(log.head(&partition(1)).await, Ok(Offset(0)));
    assert_eq!(log.read(&partition(1), Offset(0), 1_000).await, Ok(Vec::new()));
}

#[tokio::test]
async fn the_head_is_one_after_the_last_record_and_not_after_its_marker() {
    let config = config();
    let log = open(&config).await;
    let mut owner = claim(&log).await;
    let appended = owner.append(vec![command("a", 1, 3)]).await.expect("appended");
    let head = Offset(appended.last[0].0 + 1);
    assert_eq!(log.head(&partition(0)).await, Ok(head));
    // A process that comes later sees the same.
    let later = open(&config).await;
    assert_eq!(later.head(&partition(0)).await, Ok(head));
    assert_eq!(later.read(&partition(0), head, 1_000).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_wait_ends_when_another_process_commits() {
    let config = config();
    let (here, there) = (open(&config).await, open(&config).await);
    let mut owner = claim(&there).await;
    let head = there.head(&partition(0)).await.expect("a head");
    let waiting = async {
        while here.read(&partition(0), head, 1_000).await.expect("records").is_empty() {
            here.wait(&partition(0), head).await;
        }
        here.read(&partition(0), head, 1_000).await.expect("records")
    };
    let writing = async { owner.append(vec![command("a", 1, 1)]).await.expect("appended") };
    let (records, _) = futures::join!(waiting, writing);
    assert_eq!(ids(&records), ["a"]);
}

#[tokio::test]
async fn history_is_read_from_anywhere_by_many_at_once() {
    let config = config();
    let written = 3_000;
    {
        let log = open(&config).await;
        let mut owner = claim(&log).await;
        for n in 0..written / 100 {
            let batch = (0..100).map(|m| command(&(n * 100 + m).to_string(), 1, 1)).collect();
            owner.append(batch).await.expect("appended");
        }
    }
    let log = open(&config).await;
    let all = read_all(&log, 0, 20_000).await;
    let due: Vec<String> = (0..written).map(|n| n.to_string()).collect();
    assert_eq!(ids(&all), due);
    let starts = [0, 7, 500, 1_111, 2_500];
    let reads = starts.map(|from| read_all(&log, from, 9_000));
    for (from, records) in starts.into_iter().zip(futures::future::join_all(reads).await) {
        let first = all.partition_point(|record| record.offset.0 < from);
        assert_eq!(ids(&records), ids(&all[first..]), "from {from}");
    }
}

#[tokio::test]
async fn offsets_without_records_hide_none_and_hold_up_nobody() {
    let config = config();
    let log = open(&config).await;
    // Each claim and each append leave a control record behind.
    for n in 0..5 {
        let mut owner = claim(&log).await;
        owner.append(vec![command(&n.to_string(), 1, 1)]).await.expect("appended");
    }
    let later = open(&config).await;
    let head = later.head(&partition(0)).await.expect("a head").0;
    for from in 0..=head + 1 {
        let found = ids(&later.read(&partition(0), Offset(from), 1 << 20).await.expect("records"));
        let left = found.len();
        assert_eq!(found, ["0", "1", "2", "3", "4"][5 - left..], "from {from}");
    }
}
