//! Two origins, two transcoders and an edge on one PostgreSQL and one S3 server. While several films are uploaded
//! through both origins, processes are killed, and stopped for longer than their leases, at chosen steps. Every film
//! becomes ready, its bytes are those of an undisturbed run, nothing is lost, and no object stays that no row names.
//!
//! `NEXUS_TEST_SEED` chooses what is struck when, `NEXUS_TEST_ROUNDS` how many rounds there are. A round strikes four
//! of the twelve pairs of a step and a way to disturb it; three rounds strike each.

mod cluster;
mod disturber;
mod films;
mod tally;

use cluster::Cluster;
use disturber::Disturber;
use films::Films;
use tally::Tally;
use tests::asked;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_or_stopped_every_film_comes_out_whole_and_the_same() {
    let (seed, rounds) = (asked("NEXUS_TEST_SEED", 1), asked("NEXUS_TEST_ROUNDS", 1));
    let films = Films::make();
    let mut cluster = Cluster::start().await;
    let expected = films.undisturbed(&mut cluster).await;
    let mut tally = Tally::default();
    for round in 0..rounds {
        println!("round {round}, seed {}", seed + round);
        let made = Disturber::new(&mut cluster, &films, seed + round, &mut tally).round(round).await;
        for (asset, film) in &made {
            assert_eq!(films::outcome(&cluster, asset).await, expected[*film], "round {round}, {asset}");
        }
        cluster.ends_quietly(made.len()).await;
    }
    println!("{tally}");
    if rounds >= tally::ROUNDS_FOR_ALL {
        tally.check();
    }
}
