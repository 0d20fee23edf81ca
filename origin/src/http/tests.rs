//! The routes over a real router and database.

mod channels;
mod ground;
mod identity;
mod imports;
mod live;
mod onair;
mod routes;
