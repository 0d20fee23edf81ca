//! Restarts on the same data folder.

use testkit::both_dbs;

use super::{Bench, LEASE};
use crate::{Instance, JobsError};

both_dbs!(a_restart_takes_up_the_jobs_of_the_run_before, |db| async move {
    let bench = Bench::new(&db);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker");
    bench.add(bench.job("probe", "a")).await;

    let killed = Instance::begin(&path, &bench.queue, &bench.ambient).await.unwrap();
    let claim = bench.queue.claim(killed.worker(), &["probe"], LEASE).await.unwrap();
    assert!(claim.is_some());
    let name = killed.worker().clone();
    drop(killed);

    let next = Instance::begin(&path, &bench.queue, &bench.ambient).await.unwrap();
    assert_ne!(*next.worker(), name);
    let again = bench.queue.claim(next.worker(), &["probe"], LEASE).await.unwrap();
    let again = again.expect("no lease needs to run out first");
    assert_eq!((again.attempt, again.failures, again.interruptions), (2, 0, 1));
});

both_dbs!(a_data_folder_serves_one_process_at_a_time, |db| async move {
    let bench = Bench::new(&db);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker");
    bench.add(bench.job("probe", "a")).await;
    let running = Instance::begin(&path, &bench.queue, &bench.ambient).await.unwrap();
    let claim = bench.queue.claim(running.worker(), &["probe"], LEASE).await.unwrap().unwrap();
    let refused = Instance::begin(&path, &bench.queue, &bench.ambient).await;
    assert!(matches!(refused, Err(JobsError::InstanceRunning(_))), "{refused:?}");
    let _ = bench.complete(&claim).await.expect("the running process keeps its jobs");
});

both_dbs!(a_garbled_or_unusable_file_is_no_reason_to_take_jobs, |db| async move {
    let bench = Bench::new(&db);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("worker");
    std::fs::write(
        &path,
        b"\xff\0 not a worker, and much longer than the name of one could ever be in a file",
    )
    .unwrap();
    let instance = Instance::begin(&path, &bench.queue, &bench.ambient).await.unwrap();
    let name = instance.worker().clone();
    drop(instance);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, format!("{name}\n"), "what was there before is gone");
    let refused = Instance::begin(folder.path(), &bench.queue, &bench.ambient).await;
    assert!(matches!(refused, Err(JobsError::InstanceFile { .. })), "{refused:?}");
});
