//! Scenarios over the real binary, as its users meet it: each starts the servers it needs on free ports and ends them.
//! One program for nearly all, because each further one is linked with the whole S3 client again; odd films and many
//! processes are programs of their own, because each runs in one of the two layers only and neither may count as skipped.

mod api;
mod backup;
mod bad_input;
mod captions;
mod channels;
mod faults;
mod health;
mod identity;
mod imports;
mod limits;
mod live_admission;
mod live_crowd;
mod live_dvr;
mod live_edge;
mod live_encoders;
mod live_recording;
mod live_watch;
mod mutants;
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
mod watched_folder;
mod webhooks;
