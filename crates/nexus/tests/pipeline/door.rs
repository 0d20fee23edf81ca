//! The door, tried from both sides.

use pipeline_wire::GraphSpec;
use sandbox::NoSource;

use crate::rig::Rig;

#[tokio::test]
async fn nothing_that_is_forbidden_works_inside() {
    let rig = Rig::new().await;
    let mut child = rig.sandbox.start(&GraphSpec::DoorCheck, NoSource).await.expect("start");
    let frame = child.next().await.expect("everything is refused");
    assert_eq!(frame, None, "a door check reports nothing");
    let door = child.door().expect("a report").clone();
    println!("{door:?}");
    assert!(door.no_new_privs && door.seccomp);
    assert_eq!(door.memory_max, 4 << 30);
    assert_eq!(door.landlock_abi == 0 || !door.network_namespace, !door.missing.is_empty(), "{door:?}");
}

/// The same attempts succeed where there is no door, so a refusal means something.
#[test]
fn outside_the_door_the_attempts_succeed() {
    let attempts = sandbox::door::attempts();
    let works = |what| attempts.iter().any(|attempt| attempt.what == what && attempt.outcome.is_ok());
    for what in
        ["open a file", "create a file", "make a UDP socket", "run a program", "fork", "signal the parent"]
    {
        assert!(works(what), "{what}");
    }
}
