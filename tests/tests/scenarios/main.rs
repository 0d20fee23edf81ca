//! Scenarios over the real binary, as its users meet it: each starts the servers it needs on free ports and ends them.
//! One program for all, because each further one would be linked with the whole S3 client again.

mod api;
mod backup;
mod bad_input;
mod faults;
mod health;
mod identity;
mod limits;
mod many_processes;
mod mutants;
mod odd_films;
mod openapi;
mod origins;
mod presigned;
mod privacy;
mod resilience;
mod room;
mod shutdown;
mod steering;
mod tls;
mod tus;
mod upload_to_play;
mod webhooks;
